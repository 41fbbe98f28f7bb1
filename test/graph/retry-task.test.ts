import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSite } from '../support/seed.ts';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { mutate } from './mutate.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;
beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

const payload =
  '{ task { id kind state priority initiatedBy operationId retryOf { id retriedBy { id } } resource { id } } }';
const retry = (input: Record<string, unknown>, as?: Parameters<GraphBench['run']>[2]) =>
  mutate(graph, 'retryTask', input, payload, {
    ...(as === undefined ? {} : { as }),
    more: '... on ConflictError { task { id } } ... on InvalidStateError { state }',
  });

/** A replication with a recovery point, and a task on it that ended so. */
async function ended(
  name: string,
  more: Parameters<typeof rows.task>[0] = {},
  replicationMore: Parameters<typeof rows.replication>[2] = {},
) {
  const source = await rows.site(`${name}-a`);
  const destination = await makeSite(graph.bench, `${name}-b`);
  const machine = await rows.machine(source, name);
  const replication = await rows.replication(machine, destination, replicationMore);
  await rows.instance(replication, 1);
  const request = { replicationId: replication.id };
  const input = { replicationId: replication.id, request };
  const task = await rows.task({ state: 'FAILED', priority: 30, replicationId: replication.id, input, ...more });
  return { id: globalId('Task', task.id), replication, task };
}

test('does the work of a failed task again, as a task linked both ways', async () => {
  const { id, replication } = await ended('failed', { error: { code: 'SITE_UNREACHABLE', message: 'x' } });
  const answer = await retry({ id });
  expect(answer).toMatchObject({
    __typename: 'RetryTaskPayload',
    task: {
      kind: 'SYNC_REPLICATION',
      state: 'QUEUED',
      priority: 30,
      initiatedBy: graph.viewer.username,
      operationId: 'operation-1',
      retryOf: { id },
      resource: { id: globalId('Replication', replication.id) },
    },
  });
  const made = await graph.prisma.task.findFirstOrThrow({ where: { replicationId: replication.id, state: 'QUEUED' } });
  expect(answer).toMatchObject({ task: { retryOf: { retriedBy: { id: globalId('Task', made.id) } } } });
});

test('a repeated client token answers with the first retry, and only checks when asked to', async () => {
  const { id, replication } = await ended('token', { state: 'CANCELLED' });
  const count = () => graph.prisma.task.count({ where: { replicationId: replication.id } });
  expect(await retry({ id, validateOnly: true })).toEqual({ __typename: 'RetryTaskPayload', task: null });
  expect(await count()).toBe(1);
  const first = await retry({ id, clientToken: 'retry-1', priority: 80 });
  expect(first).toMatchObject({ task: { priority: 80 } });
  expect(await retry({ id, clientToken: 'retry-1' })).toEqual(first);
  expect(await count()).toBe(2);
});

test('of two retries at once, one is made', async () => {
  const { id, replication } = await ended('twice');
  const answers = await Promise.all([retry({ id }), retry({ id }), retry({ id })]);
  expect(answers.map(({ __typename }) => __typename).sort()).toEqual([
    'ConflictError',
    'ConflictError',
    'RetryTaskPayload',
  ]);
  expect(await graph.prisma.task.count({ where: { replicationId: replication.id } })).toBe(2);
});

test('a task that was retried names its retry, which can be retried in turn', async () => {
  const { id, task } = await ended('chain');
  await retry({ id });
  const second = await graph.prisma.task.findUniqueOrThrow({ where: { retryOfId: task.id } });
  await graph.prisma.task.update({ where: { id: second.id }, data: { state: 'FAILED' } });
  const secondId = globalId('Task', second.id);
  expect(await retry({ id })).toMatchObject({
    __typename: 'ConflictError',
    message: expect.stringContaining('retried already'),
    task: { id: secondId },
  });
  expect(await retry({ id: secondId })).toMatchObject({ task: { retryOf: { id: secondId } } });
});

test.each(['QUEUED', 'RUNNING', 'CANCELLING', 'SUCCEEDED'])('a task that is %s is refused', async (state) => {
  const { id } = await ended(`state-${state}`, { state });
  expect(await retry({ id })).toMatchObject({ __typename: 'InvalidStateError', state });
});

test('a task whose outcome is unknown is refused, because doing it twice may harm', async () => {
  const { id } = await ended('unknown', { error: { code: 'OUTCOME_UNKNOWN', message: 'x' } });
  expect(await retry({ id })).toMatchObject({
    __typename: 'InvalidStateError',
    message: expect.stringContaining('not known'),
  });
});

test.each([
  ['START_REPLICATION', 'syncReplication'],
  ['FOREIGN', 'no job'],
])('a task of kind %s is refused with the reason', async (kind, why) => {
  const { id } = await ended(`kind-${kind}`, { kind });
  expect(await retry({ id })).toMatchObject({ __typename: 'UnsupportedError', message: expect.stringContaining(why) });
});

test('every kind whose job says that it is safe can be asked for again', async () => {
  const safe = graph.bench.jobs.filter(({ repeat }) => repeat === 'SAFE').map(({ kind }) => kind);
  expect(safe.length).toBeGreaterThan(4);
  for (const kind of safe) {
    const { id, replication, task } = await ended(
      `safe-${kind}`,
      { kind },
      kind === 'CLEAN_UP_TEST_FAILOVER' ? { recoveryState: 'TEST' } : {},
    );
    if (kind === 'SYNC_INVENTORY') {
      const input = { providerId: graph.bench.provider.id, siteId: replication.destinationSiteId };
      await graph.prisma.task.update({ where: { id: task.id }, data: { input } });
    }
    expect(await retry({ id }), kind).toMatchObject({
      __typename: 'RetryTaskPayload',
      task: { kind, retryOf: { id } },
    });
  }
});

test("all of the action's checks run again", async () => {
  const recovered = await ended('checks', {}, { recoveryState: 'COMPLETE' });
  expect(await retry({ id: recovered.id })).toMatchObject({ __typename: 'InvalidStateError', state: 'RECOVERED' });
  const busy = await ended('busy');
  const other = await rows.task({ state: 'RUNNING', entityKey: `replication:${busy.replication.id}` });
  expect(await retry({ id: busy.id })).toMatchObject({
    __typename: 'ConflictError',
    task: { id: globalId('Task', other.id) },
  });
  const reader = await graph.bench.viewer('VIEWER');
  expect(await retry({ id: busy.id }, reader)).toMatchObject({ __typename: 'ForbiddenError' });
  expect(await retry({ id: 'x' })).toMatchObject({ __typename: 'NotFoundError' });
});

test('deleting a retry lets the first be retried anew', async () => {
  const { id, task } = await ended('deleted');
  await retry({ id });
  const second = await graph.prisma.task.findUniqueOrThrow({ where: { retryOfId: task.id } });
  await graph.bench.domain.tasks.cancel([second.id], 'ada');
  expect(await graph.bench.domain.tasks.delete([second.id])).toEqual(['DELETED']);
  expect(await retry({ id })).toMatchObject({ __typename: 'RetryTaskPayload' });
});
