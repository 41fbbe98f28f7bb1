import type { ExecutionResult } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CursorExpiredError, SlowReaderError, type StreamItem } from '../../src/events/event.ts';
import { recordEvent } from '../../src/events/record.ts';
import { eventCursor, eventStream } from '../../src/graph/event-stream.ts';
import { type GraphBench, globalId, openGraph } from './graph-bench.ts';
import { rowsIn } from './rows.ts';

let graph: GraphBench;
let rows: ReturnType<typeof rowsIn>;

beforeAll(async () => {
  graph = await openGraph();
  rows = rowsIn(graph.prisma, graph.bench.provider);
});
afterAll(() => graph.close());

const progressDocument = `subscription ($id: ID!, $after: String) {
  event: taskProgress(id: $id, after: $after) { cursor type at task { id state progress phase bytesDone provider { name } error { code } } }
}`;
const eventsDocument = `subscription ($filter: TaskEventFilter, $after: String) {
  event: taskEvents(filter: $filter, after: $after) { cursor type at task { id kind state progress } }
}`;

const eventShape = z.object({
  event: z.object({
    cursor: z.string(),
    type: z.string(),
    at: z.string(),
    taskId: z.string().optional(),
    task: z.looseObject({ id: z.string(), state: z.string(), progress: z.number().nullable() }).nullable(),
  }),
});
type Event = z.infer<typeof eventShape>['event'];

interface Listening {
  next(): Promise<Event>;
  rest(): Promise<Event[]>;
  stop(): Promise<void>;
}

/** Subscribes; each wait has a deadline, so that a missing event is a failure and not a hanging test. */
async function listen(document: string, variables: Record<string, unknown>): Promise<Listening> {
  const stream = await graph.subscribe(document, variables);
  if (!(Symbol.asyncIterator in stream)) throw new Error(`The subscription was refused: ${JSON.stringify(stream)}`);
  const take = () => within(stream.next());
  return {
    async next() {
      const { done, value } = await take();
      if (done) throw new Error('The subscription ended.');
      return parsed(value);
    },
    async rest() {
      const events: Event[] = [];
      for (let item = await take(); !item.done; item = await take()) events.push(parsed(item.value));
      return events;
    },
    async stop() {
      await within(stream.return());
    },
  };
}

function parsed(result: ExecutionResult): Event {
  if (result.errors) throw new Error(JSON.stringify(result.errors));
  return eventShape.parse(JSON.parse(JSON.stringify(result.data))).event;
}

async function within<Value>(promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('Nothing came within 10 s.')), 10_000);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Announces a task's progress as a running job does, again and again, until the event is there. */
async function announced(row: string, event: Promise<Event>): Promise<Event> {
  const timer = setInterval(() => graph.bench.events.announceProgress('task', [row]), 50);
  try {
    return await event;
  } finally {
    clearInterval(timer);
  }
}

/** Changes a task as the engine does: the row and its event in one transaction. */
async function change(id: string, data: Parameters<typeof rows.task>[0], type = 'STATE_CHANGED') {
  const { transactions } = graph.bench.database;
  await transactions.run(async (tx) => {
    await tx.task.update({ where: { id }, data: { ...data, updatedAt: new Date() } });
    const sql = transactions.sql(tx);
    const [row] = await sql.query<{ payload: unknown }>(
      `SELECT to_jsonb(t) - 'input' - 'checkpoint' AS payload FROM "Task" t WHERE id = $1::uuid`,
      [id],
    );
    await recordEvent(sql, { stream: 'task', type, subjectId: id, payload: row?.payload });
  });
  graph.bench.events.notifyEvents();
}

async function queued(more: Parameters<typeof rows.task>[0] = {}) {
  const task = await rows.task({ state: 'QUEUED', ...more });
  await change(task.id, {}, 'CREATED');
  return { row: task.id, id: globalId('Task', task.id) };
}

describe('taskProgress', () => {
  test('starts with the current state, tells every change and progress, and ends with the task', async () => {
    const { row, id } = await queued();
    const progress = await listen(progressDocument, { id });
    expect(await progress.next()).toMatchObject({ type: 'CREATED', task: { id, state: 'QUEUED' } });
    await change(row, { state: 'RUNNING', progress: 0 });
    expect(await progress.next()).toMatchObject({ type: 'STATE_CHANGED', task: { state: 'RUNNING', progress: 0 } });
    await graph.prisma.task.update({ where: { id: row }, data: { progress: 42.5, phase: 'SYNC', bytesDone: 7n } });
    expect(await announced(row, progress.next())).toMatchObject({
      type: 'PROGRESS',
      task: { state: 'RUNNING', progress: 42.5, phase: 'SYNC', bytesDone: '7', provider: { name: expect.any(String) } },
    });
    await change(row, { state: 'FAILED', error: { code: 'X', message: 'x' } });
    const rest = await progress.rest();
    expect(rest.filter(({ type }) => type !== 'PROGRESS')).toMatchObject([
      { type: 'STATE_CHANGED', task: { state: 'FAILED', error: { code: 'X' } } },
    ]);
    expect(rest.at(-1)?.type).toBe('STATE_CHANGED');
  });

  test('started in the middle, shows the progress of now at once', async () => {
    const { row, id } = await queued();
    await change(row, { state: 'RUNNING', progress: 0 });
    await graph.prisma.task.update({ where: { id: row }, data: { progress: 77 } });
    const progress = await listen(progressDocument, { id });
    expect(await progress.next()).toMatchObject({ task: { state: 'RUNNING', progress: 77 } });
    await progress.stop();
  });

  test('replays what was missed since a cursor, each as it was then, and ends', async () => {
    const { row, id } = await queued();
    const first = await listen(progressDocument, { id });
    const { cursor } = await first.next();
    await first.stop();
    await change(row, { state: 'RUNNING', progress: 1 });
    await change(row, { state: 'CANCELLING', progress: 50 });
    await change(row, { state: 'CANCELLED', progress: 60 });
    const missed = await (await listen(progressDocument, { id, after: cursor })).rest();
    expect(missed.map(({ type, task }) => [type, task?.state, task?.progress])).toEqual([
      ['STATE_CHANGED', 'RUNNING', 1],
      ['STATE_CHANGED', 'CANCELLING', 50],
      ['STATE_CHANGED', 'CANCELLED', 60],
    ]);
    expect(await (await listen(progressDocument, { id, after: missed[1]?.cursor })).rest()).toEqual([missed[2]]);
    expect(await (await listen(progressDocument, { id, after: missed[2]?.cursor })).rest()).toEqual([]);
  });

  test('of a task that has ended gives its end and ends, also when its events are pruned', async () => {
    const { row, id } = await queued();
    await change(row, { state: 'SUCCEEDED' });
    expect(await (await listen(progressDocument, { id })).rest()).toMatchObject([{ task: { state: 'SUCCEEDED' } }]);
    const old = await rows.task({ state: 'SUCCEEDED', finishedAt: new Date(), progress: 100 });
    const [only, ...more] = await (await listen(progressDocument, { id: globalId('Task', old.id) })).rest();
    expect(only).toMatchObject({
      type: 'STATE_CHANGED',
      at: old.finishedAt?.toISOString(),
      task: { state: 'SUCCEEDED', progress: 100 },
    });
    expect(more).toEqual([]);
  });

  test('of an absent task, and of a string that is no id, is refused alike', async () => {
    const refused = await Promise.all(
      [globalId('Task', '11111111-2222-4333-8444-555555555555'), 'nonsense'].map((id) =>
        graph.subscribe(progressDocument, { id }),
      ),
    );
    expect(refused[0]).toMatchObject({
      errors: [{ message: expect.stringMatching(/No task/), extensions: { code: 'NOT_FOUND' } }],
    });
    expect(JSON.stringify(refused[1])).toBe(JSON.stringify(refused[0]));
  });
});

describe('taskEvents', () => {
  test('tells of tasks that match, and replays from a cursor without a gap or a repeat', async () => {
    const replication = async (name: string) => {
      const site = await rows.site(name);
      return rows.replication(await rows.machine(site, name), site);
    };
    const [mine, other] = [await replication('mine'), await replication('other')];
    const filter = { replicationIdIn: [globalId('Replication', mine.id)], typeIn: ['CREATED', 'STATE_CHANGED'] };
    const events = await listen(eventsDocument, { filter });
    const one = await queued({ replicationId: mine.id });
    const first = await events.next();
    expect(first).toMatchObject({ type: 'CREATED', task: { id: one.id, state: 'QUEUED' } });
    const foreign = await queued({ replicationId: other.id });
    await change(foreign.row, { state: 'RUNNING' });
    await change(one.row, { state: 'RUNNING' });
    const second = await events.next();
    expect(second).toMatchObject({ task: { id: one.id, state: 'RUNNING' } });
    await events.stop();
    await change(one.row, { state: 'SUCCEEDED' });
    const two = await queued({ replicationId: mine.id });
    const resumed = await listen(eventsDocument, { filter, after: first.cursor });
    expect(await resumed.next()).toEqual(second);
    expect(await resumed.next()).toMatchObject({ task: { id: one.id, state: 'SUCCEEDED' } });
    expect(await resumed.next()).toMatchObject({ type: 'CREATED', task: { id: two.id, state: 'QUEUED' } });
    await change(two.row, { state: 'RUNNING' });
    expect(await resumed.next()).toMatchObject({ task: { id: two.id, state: 'RUNNING' } });
    await resumed.stop();
  });

  test('starts at the moment of subscribing, not when the client first listens', async () => {
    const filter = { typeIn: ['CREATED'] };
    const late = await listen(eventsDocument, { filter });
    const witness = await listen(eventsDocument, { filter });
    const seen = witness.next();
    const task = await queued();
    expect(await seen).toMatchObject({ task: { id: task.id } });
    expect(await late.next()).toMatchObject({ task: { id: task.id } });
    await Promise.all([late.stop(), witness.stop()]);
  });

  test('filters by the task as it was at the event, not as it is now', async () => {
    const start = await listen(eventsDocument, {});
    const task = await queued({ kind: 'SYNC_INVENTORY' });
    const { cursor } = await start.next();
    await start.stop();
    await change(task.row, { state: 'RUNNING' });
    await change(task.row, { state: 'FAILED' });
    const filter = { stateIn: ['RUNNING'], taskIdIn: [task.id], kindIn: ['SYNC_INVENTORY'] };
    const running = await listen(eventsDocument, { filter, after: cursor });
    expect(await running.next()).toMatchObject({ task: { state: 'RUNNING' } });
    await running.stop();
  });

  test('tells progress between the states unless it is left out', async () => {
    const task = await queued({ state: 'RUNNING' });
    const events = await listen(eventsDocument, { filter: { taskIdIn: [task.id], typeIn: ['PROGRESS'] } });
    await graph.prisma.task.update({ where: { id: task.row }, data: { progress: 5 } });
    expect(await announced(task.row, events.next())).toMatchObject({ type: 'PROGRESS', task: { progress: 5 } });
    await events.stop();
  });

  test('ends at once when the client leaves while it waits', async () => {
    const stream = await graph.subscribe(eventsDocument, {});
    if (!(Symbol.asyncIterator in stream)) throw new Error('refused');
    const waiting = stream.next();
    await within(stream.return());
    expect(await within(waiting)).toMatchObject({ done: true });
  });

  test('refuses a cursor that is none, and one whose events are pruned, naming the oldest', async () => {
    await queued();
    expect(await graph.subscribe(eventsDocument, { after: 'nonsense' })).toMatchObject({
      errors: [{ extensions: { code: 'INVALID_INPUT' } }],
    });
    const before = await graph.prisma.eventLog.findFirstOrThrow();
    const ancient = Buffer.from('event:0').toString('base64url');
    const events = await listen(eventsDocument, { after: ancient });
    const oldest = await events.next();
    await events.stop();
    await graph.prisma.eventLog.updateMany({ data: { prunedPosition: 1n } });
    try {
      for (const document of [eventsDocument, progressDocument]) {
        const refused = await graph.subscribe(document, { after: ancient, id: oldest.task?.id });
        expect(refused).toMatchObject({
          errors: [{ extensions: { code: 'CURSOR_EXPIRED', oldestCursor: oldest.cursor } }],
        });
      }
      const ahead = Buffer.from('event:999999').toString('base64url');
      expect(await graph.subscribe(eventsDocument, { after: ahead })).toMatchObject({
        errors: [{ extensions: { code: 'CURSOR_EXPIRED' } }],
      });
    } finally {
      await graph.prisma.eventLog.updateMany({ data: { prunedPosition: before.prunedPosition } });
    }
  });
});

test('a subscription that the bus ends says why, and where to go on', async () => {
  const ending = (error: Error) => {
    const failing: AsyncIterable<StreamItem> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
    };
    const events = {
      async *subscribe(): AsyncGenerator<StreamItem, void, undefined> {
        yield* failing;
      },
    };
    return eventStream(events, { stream: 'task', from: 'now', progress: false }, async () => undefined).next();
  };
  await expect(ending(new SlowReaderError(7n))).rejects.toMatchObject({
    extensions: { code: 'SLOW_READER', lastCursor: eventCursor(7n) },
  });
  await expect(ending(new CursorExpiredError(9n))).rejects.toMatchObject({
    extensions: { code: 'CURSOR_EXPIRED', oldestCursor: eventCursor(9n) },
  });
  await expect(ending(new Error('broken'))).rejects.toThrow('broken');
});

describe('a deleted task', () => {
  const document = `subscription ($filter: TaskEventFilter, $after: String) {
    event: taskEvents(filter: $filter, after: $after) { cursor type at taskId task { id state progress } }
  }`;

  test('is told of by a last event, to those whose filter it met, and no other event of it is replayed', async () => {
    const { row, id } = await queued({ initiatedBy: 'deleted-1' });
    const filter = { initiatedByIn: ['deleted-1'], typeIn: ['CREATED', 'STATE_CHANGED', 'DELETED'] };
    const events = await listen(document, { filter });
    await change(row, { state: 'SUCCEEDED' });
    let heard = await events.next();
    if (heard.type === 'CREATED') heard = await events.next();
    const { cursor } = heard;
    expect(await graph.bench.domain.tasks.delete([row])).toEqual(['DELETED']);
    expect(await events.next()).toMatchObject({ type: 'DELETED', taskId: id, task: null });
    await events.stop();
    const before = eventCursor(BigInt(Buffer.from(cursor, 'base64url').toString().slice(6)) - 1n);
    const replayed = await listen(document, { filter, after: before });
    expect(await replayed.next()).toMatchObject({ type: 'DELETED', taskId: id });
    await replayed.stop();
    expect(await graph.prisma.event.findMany({ where: { subjectId: row }, select: { type: true } })).toEqual([
      { type: 'DELETED' },
    ]);
  });

  test('ends the subscription to its progress', async () => {
    const { row, id } = await queued();
    const progress = await listen(progressDocument, { id });
    expect(await progress.next()).toMatchObject({ type: 'CREATED' });
    // Ended and deleted before the reader heard of either.
    await graph.prisma.task.update({ where: { id: row }, data: { state: 'SUCCEEDED' } });
    expect(await graph.bench.domain.tasks.delete([row])).toEqual(['DELETED']);
    expect(await progress.rest()).toMatchObject([{ type: 'DELETED', task: null }]);
  });
});
