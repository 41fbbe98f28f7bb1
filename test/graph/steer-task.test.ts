import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
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

type Viewer = Parameters<GraphBench['run']>[2];
const steer = (name: string, input: Record<string, unknown>, payload: string, as?: Viewer) =>
  mutate(graph, name, input, payload, as === undefined ? {} : { as });

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

describe('deleteTasks', () => {
  const payload = '{ results { id outcome task { state } } }';

  test('deletes what has ended and says of the others why not', async () => {
    const ids = await tasksOf('delete-1', ['SUCCEEDED', 'QUEUED', 'RUNNING', 'FAILED', 'CANCELLING', 'CANCELLED']);
    const answer = await steer('deleteTasks', { ids: [...ids, 'x', ids[0]] }, payload);
    const gone = { outcome: 'DELETED', task: null };
    expect(answer.results).toEqual([
      { id: ids[0], ...gone },
      { id: ids[1], outcome: 'NOT_ENDED', task: { state: 'QUEUED' } },
      { id: ids[2], outcome: 'NOT_ENDED', task: { state: 'RUNNING' } },
      { id: ids[3], ...gone },
      { id: ids[4], outcome: 'NOT_ENDED', task: { state: 'CANCELLING' } },
      { id: ids[5], ...gone },
      { id: 'x', outcome: 'NOT_FOUND', task: null },
      { id: ids[0], ...gone },
    ]);
    expect(await states('delete-1')).toEqual(['QUEUED', 'RUNNING', 'CANCELLING']);
  });

  test('by a filter needs its count', async () => {
    await tasksOf('delete-2', ['SUCCEEDED', 'FAILED']);
    const filter = { operationIdIn: ['delete-2'] };
    expect(await steer('deleteTasks', { filter, confirmCount: 1 }, payload)).toMatchObject({
      __typename: 'ConflictError',
      message: expect.stringContaining('matches 2 tasks'),
    });
    expect(await states('delete-2')).toHaveLength(2);
    await steer('deleteTasks', { filter, confirmCount: 2 }, payload);
    expect(await states('delete-2')).toEqual([]);
  });

  test('takes a task with its parts, and neither while the other goes on', async () => {
    const part = (parentId: string, state: string) => rows.task({ parentId, state, operationId: 'delete-3' });
    const ended = await rows.task({ state: 'FAILED', operationId: 'delete-3' });
    const endedPart = await part(ended.id, 'FAILED');
    await part(endedPart.id, 'SUCCEEDED');
    const busy = await rows.task({ state: 'RUNNING', operationId: 'delete-3' });
    const partOfBusy = await part(busy.id, 'SUCCEEDED');
    const withBusyPart = await rows.task({ state: 'SUCCEEDED', operationId: 'delete-3' });
    await part(withBusyPart.id, 'RUNNING');
    const ids = [ended, endedPart, busy, partOfBusy, withBusyPart].map(({ id }) => globalId('Task', id));
    const answer = await steer('deleteTasks', { ids }, '{ results { outcome } }');
    const outcomes = z.array(z.object({ outcome: z.string() })).parse(answer.results);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'DELETED',
      'DELETED',
      'NOT_ENDED',
      'NOT_ENDED',
      'NOT_ENDED',
    ]);
    expect(await graph.prisma.task.count({ where: { operationId: 'delete-3' } })).toBe(4);
  });

  test('is refused to those who only read', async () => {
    const [id] = await tasksOf('delete-4', ['SUCCEEDED']);
    const reader = await graph.bench.viewer('VIEWER');
    expect(await steer('deleteTasks', { ids: [id] }, payload, reader)).toMatchObject({ __typename: 'ForbiddenError' });
    expect(await states('delete-4')).toEqual(['SUCCEEDED']);
  });
});

describe('updateTask', () => {
  const payload = '{ task { id state priority window { notBefore startBefore } } }';
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

  test('gives a queued task another priority and window, and leaves what is not named', async () => {
    const [id] = await tasksOf('update-1', ['QUEUED']);
    const window = { notBefore: inHours(1), startBefore: inHours(2) };
    const queued = { id, state: 'QUEUED' };
    expect(await steer('updateTask', { id, priority: 90 }, payload)).toMatchObject({
      task: { ...queued, priority: 90, window: { notBefore: null, startBefore: null } },
    });
    expect(await steer('updateTask', { id, ...window }, payload)).toMatchObject({
      task: { ...queued, priority: 90, window },
    });
    const due = await graph.prisma.task.findFirstOrThrow({ where: { operationId: 'update-1' } });
    expect(due.dueAt.toISOString()).toBe(window.notBefore);
    expect(await steer('updateTask', { id, notBefore: null }, payload)).toMatchObject({
      task: { ...queued, window: { notBefore: null, startBefore: window.startBefore } },
    });
    const now = await graph.prisma.task.findFirstOrThrow({ where: { operationId: 'update-1' } });
    expect(now.dueAt.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    const events = await graph.prisma.event.findMany({ where: { subjectId: now.id }, select: { type: true } });
    expect(events).toEqual([{ type: 'UPDATED' }, { type: 'UPDATED' }, { type: 'UPDATED' }]);
  });

  test.each(['RUNNING', 'CANCELLING', 'SUCCEEDED', 'FAILED', 'CANCELLED'])(
    'is refused once the task is %s',
    async (state) => {
      const [id] = await tasksOf(`update-${state}`, [state]);
      expect(await steer('updateTask', { id, priority: 1 }, payload)).toMatchObject({
        __typename: 'InvalidStateError',
        message: expect.stringContaining(state),
      });
    },
  );

  test('names what is wrong with the input', async () => {
    const [id] = await tasksOf('update-2', ['QUEUED']);
    const problem = (field: string) => ({ __typename: 'InvalidInputError', fields: [{ path: [field] }] });
    expect(await steer('updateTask', { id }, payload)).toMatchObject(problem('priority'));
    expect(await steer('updateTask', { id, priority: 101 }, payload)).toMatchObject(problem('priority'));
    expect(await steer('updateTask', { id, startBefore: inHours(-1) }, payload)).toMatchObject(problem('startBefore'));
    await steer('updateTask', { id, startBefore: inHours(1) }, payload);
    expect(await steer('updateTask', { id, notBefore: inHours(2) }, payload)).toMatchObject(problem('notBefore'));
    await steer('updateTask', { id, startBefore: null, notBefore: inHours(2) }, payload);
    expect(await steer('updateTask', { id, startBefore: inHours(1) }, payload)).toMatchObject(problem('startBefore'));
  });

  test('of no task, and by those who only read, is refused', async () => {
    const [id] = await tasksOf('update-3', ['QUEUED']);
    const reader = await graph.bench.viewer('VIEWER');
    expect(await steer('updateTask', { id, priority: 1 }, payload, reader)).toMatchObject({
      __typename: 'ForbiddenError',
    });
    const absent = await steer('updateTask', { id: globalId('Task', globalId('x', 'y')), priority: 1 }, payload);
    expect(absent).toMatchObject({ __typename: 'NotFoundError' });
    expect(await steer('updateTask', { id: 'x', priority: 1 }, payload)).toEqual(absent);
  });
});
