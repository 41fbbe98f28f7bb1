import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;
beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

const result = z.looseObject({ __typename: z.string() });

/** Runs a mutation on tasks; answers with whatever member of its union came. */
async function steer(
  name: string,
  input: Record<string, unknown>,
  payload: string,
  as?: Parameters<GraphBench['run']>[2],
) {
  const noun = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const document = `mutation ($input: ${noun}Input!) {
    result: ${name}(input: $input) {
      __typename ... on ${noun}Payload ${payload} ... on Error { message code } ... on InvalidInputError { fields { path message } }
    }
  }`;
  return result.parse((await graph.data(document, { input }, as)).result);
}

/** Tasks of one request, so that a filter finds these and no others. */
async function tasksOf(operationId: string, states: readonly string[]): Promise<string[]> {
  const made: string[] = [];
  for (const [index, state] of states.entries()) {
    const createdAt = new Date(Date.UTC(2026, 0, 1, 0, index));
    const input = { replicationId: '11111111-2222-4333-8444-555555555555' };
    made.push((await rows.task({ state, operationId, createdAt, input })).id);
  }
  return made.map((id) => globalId('Task', id));
}

const states = async (operationId: string) =>
  (await graph.prisma.task.findMany({ where: { operationId }, orderBy: { createdAt: 'asc' } })).map(
    ({ state }) => state,
  );

describe('cancelTasks by a filter', () => {
  const payload = '{ results { id outcome task { state } } }';

  test('says task by task what happened, the oldest first', async () => {
    const ids = await tasksOf('cancel-1', ['QUEUED', 'RUNNING', 'SUCCEEDED']);
    const answer = await steer('cancelTasks', { filter: { operationIdIn: ['cancel-1'] }, confirmCount: 3 }, payload);
    expect(answer.results).toEqual([
      { id: ids[0], outcome: 'CANCELLED', task: { state: 'CANCELLED' } },
      { id: ids[1], outcome: 'CANCELLING', task: { state: 'CANCELLING' } },
      { id: ids[2], outcome: 'ALREADY_ENDED', task: { state: 'SUCCEEDED' } },
    ]);
  });

  test('does nothing when it matches another number of tasks than was confirmed, and says the true one', async () => {
    await tasksOf('cancel-2', ['QUEUED', 'QUEUED']);
    const filter = { operationIdIn: ['cancel-2'] };
    for (const confirmCount of [0, 1, 3]) {
      expect(await steer('cancelTasks', { filter, confirmCount }, payload)).toMatchObject({
        __typename: 'ConflictError',
        message: expect.stringContaining('matches 2 tasks'),
      });
    }
    expect(await steer('cancelTasks', { filter }, payload)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: ['confirmCount'], message: expect.stringContaining('matches 2 tasks') }],
    });
    expect(await states('cancel-2')).toEqual(['QUEUED', 'QUEUED']);
  });

  test('that matches nothing does nothing', async () => {
    const filter = { operationIdIn: ['nobody'] };
    expect(await steer('cancelTasks', { filter, confirmCount: 0 }, payload)).toMatchObject({ results: [] });
  });

  test('steers at most 1,000 tasks at once', async () => {
    const many = Array.from({ length: 1_001 }, () => ({
      kind: 'SYNC_REPLICATION',
      state: 'QUEUED',
      operationId: 'many',
    }));
    await graph.prisma.task.createMany({ data: many });
    const input = { filter: { operationIdIn: ['many'] }, confirmCount: 1_001 };
    expect(await steer('cancelTasks', input, payload)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: ['filter'], message: expect.stringContaining('1001') }],
    });
    await graph.prisma.task.deleteMany({ where: { operationId: 'many' } });
  });

  test.each([
    ['neither ids nor a filter', {}, 'ids'],
    ['both', { ids: ['x'], filter: {}, confirmCount: 1 }, 'filter'],
    ['ids with a count', { ids: ['x'], confirmCount: 1 }, 'confirmCount'],
    ['no id', { ids: [] }, 'ids'],
  ])('is refused with %s', async (_what, input, field) => {
    expect(await steer('cancelTasks', input, payload)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: [field] }],
    });
  });
});
