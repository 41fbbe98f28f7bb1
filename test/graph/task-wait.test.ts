import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;

beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
  const { sessionId: id, userId } = graph.viewer;
  const expiresAt = new Date(Date.now() + 60 * 60 * 1000);
  await graph.prisma.session.create({ data: { id, userId, tokenHash: Buffer.from(id), expiresAt } });
});
afterAll(() => graph.close());

const document = `query ($id: ID!, $seconds: Int) { waitForTask(id: $id, timeoutSeconds: $seconds) { state error { code } } }`;
const wait = (id: string, seconds?: number) => graph.data(document, { id: globalId('Task', id), seconds });

/** Ends a task as the engine does: the row and its event in one transaction. */
async function end(id: string, state: string) {
  const { prisma } = graph;
  await prisma.$transaction([
    prisma.task.update({
      where: { id },
      data: { state, finishedAt: new Date(), error: { code: 'LATE', message: 'It was late.' } },
    }),
    prisma.event.create({ data: { stream: 'task', type: 'STATE_CHANGED', subjectId: id, payload: { state } } }),
  ]);
  graph.bench.events.notifyEvents();
}

/** Resolves when somebody has subscribed to the task's events; then its end cannot be read from the first look. */
function subscribed(): Promise<void> {
  const { events } = graph.bench;
  const { promise, resolve } = Promise.withResolvers<void>();
  const original = events.subscribe;
  events.subscribe = (subscription) => {
    events.subscribe = original;
    resolve();
    return original(subscription);
  };
  return promise;
}

test('waitForTask answers when the task has ended, with how it ended', async () => {
  const { id } = await rows.task({ state: 'RUNNING' });
  const waiting = subscribed();
  const answer = wait(id, 60);
  await waiting;
  await graph.prisma.event.create({
    data: { stream: 'task', type: 'STATE_CHANGED', subjectId: id, payload: { state: 'CANCELLING' } },
  });
  await end(id, 'FAILED');
  expect(await answer).toEqual({ waitForTask: { state: 'FAILED', error: { code: 'LATE' } } });
});

test('waitForTask answers at once for what has ended, for what there is not, and when it may not wait', async () => {
  const { id } = await rows.task({ state: 'SUCCEEDED' });
  expect(await wait(id, 300)).toMatchObject({ waitForTask: { state: 'SUCCEEDED' } });
  expect(await wait('11111111-2222-4333-8444-555555555555', 300)).toEqual({ waitForTask: null });
  const running = await rows.task({ state: 'RUNNING' });
  expect(await wait(running.id, 0)).toMatchObject({ waitForTask: { state: 'RUNNING' } });
});

test('waitForTask answers the state of a task that goes on when the time is over', async () => {
  const { id } = await rows.task({ state: 'RUNNING' });
  expect(await wait(id, 1)).toMatchObject({ waitForTask: { state: 'RUNNING' } });
});

test.each([-1, 301])('waitForTask does not wait %i seconds', async (seconds) => {
  const { errors } = await graph.run(document, { id: globalId('Task', graph.viewer.userId), seconds });
  expect(errors).toMatchObject([{ message: `timeoutSeconds: must be 0 to 300, was ${seconds}.` }]);
  expect(errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
});

test('waitForTask tells nothing to a session that was revoked meanwhile', async () => {
  const { id } = await rows.task({ state: 'RUNNING' });
  const viewer = await graph.bench.viewer('OPERATOR');
  const waiting = subscribed();
  const answer = graph.run(document, { id: globalId('Task', id), seconds: 60 }, viewer);
  await waiting;
  await end(id, 'SUCCEEDED');
  expect((await answer).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
});

test('waitForTask ends when the client has gone', async () => {
  const { id } = await rows.task({ state: 'RUNNING' });
  const waiting = subscribed();
  const answer = wait(id, 300);
  await waiting;
  graph.leave();
  expect(await answer).toEqual({ waitForTask: null });
});
