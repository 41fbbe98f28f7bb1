import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { type Engine, openEngine, signal } from './harness.ts';
import { createScripts, done } from './script.ts';

const scripts = createScripts();
let database: Awaited<ReturnType<typeof testDatabase>>;
let engine: Engine;
beforeAll(async () => {
  database = await testDatabase();
  engine = await openEngine(database.url, scripts.jobs);
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});
const enqueue = (task: ReturnType<typeof scripts.task>) =>
  engine.database.transactions.run((tx) => engine.queue.enqueue(tx, task));

test('a repeated client token gives the first task, with its kind and input', async () => {
  const client = { scope: 'user:1', token: 'abc' };
  const first = scripts.task(done, { client });
  const id = await engine.submit(first);
  expect(await enqueue(scripts.task(done, { client, kind: 'STUBBORN' }))).toEqual({
    outcome: 'repeated',
    taskId: id,
    kind: 'SCRIPT',
    input: first.input,
  });
  expect(await enqueue(scripts.task(done, { client: { ...client, scope: 'user:2' } }))).toMatchObject({
    outcome: 'created',
  });
});

test('a taken key does not spoil the transaction that asked for it', async () => {
  await engine.submit(scripts.task(done, { entityKey: 'site:1' }));
  const outcomes = await engine.database.transactions.run(async (tx) => {
    const refused = await engine.queue.enqueue(tx, scripts.task(done, { entityKey: 'site:1' }));
    const other = await engine.queue.enqueue(tx, scripts.task(done, { entityKey: 'site:2' }));
    return [refused.outcome, other.outcome];
  });
  expect(outcomes).toEqual(['conflict', 'created']);
});

test('a submission that rolls back leaves no task and no event', async () => {
  let id: string | undefined;
  const submission = engine.database.transactions.run(async (tx) => {
    id = (await engine.queue.enqueue(tx, scripts.task(done))).taskId;
    throw new Error('The domain has changed its mind.');
  });
  await expect(submission).rejects.toThrow('changed its mind');
  const { rows } = await engine.database.pool.query(
    'SELECT "id" FROM "Task" WHERE "id" = $1 UNION ALL SELECT "subjectId" FROM "Event" WHERE "subjectId" = $1',
    [id],
  );
  expect(rows).toEqual([]);
});

test('a submission waits for an uncommitted one with the same key and then knows it', async () => {
  const inserted = signal<string>();
  const gate = signal();
  const first = engine.database.transactions.run(async (tx) => {
    inserted.resolve((await engine.queue.enqueue(tx, scripts.task(done, { entityKey: 'vm:7' }))).taskId);
    await gate.promise;
  });
  const id = await inserted.promise;
  const second = enqueue(scripts.task(done, { entityKey: 'vm:7' }));
  // The second is seen to wait for the first before that commits.
  const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await engine.database.pool.query(waits)).rows.length === 0);
  gate.resolve();
  await first;
  expect(await second).toEqual({ outcome: 'conflict', taskId: id, kind: 'SCRIPT' });
});

test('two actions on one entity never run together, however many ask', async () => {
  await Promise.all([engine.startWorker({ concurrency: 8 }), engine.startWorker({ concurrency: 8 })]);
  let running = 0;
  let most = 0;
  let ran = 0;
  const run = async () => {
    most = Math.max(most, ++running);
    await engine.database.pool.query('SELECT 1');
    running--;
    ran++;
    return done();
  };
  const submitUntilCreated = async () => {
    for (;;) {
      const enqueued = await enqueue(scripts.task(run, { entityKey: 'replication:1' }));
      await engine.reaches(enqueued.taskId, 'SUCCEEDED');
      if (enqueued.outcome === 'created') return;
    }
  };
  await Promise.all(Array.from({ length: 8 }, submitUntilCreated));
  expect({ most, ran }).toEqual({ most: 1, ran: 8 });
});

test('columns that the engine does not know are refused instead of lost', async () => {
  await expect(enqueue(scripts.task(done, { about: { favouriteColour: 'green' } }))).rejects.toThrow('favouriteColour');
});

test('what a task is about is written as it is', async () => {
  const id = await engine.submit(
    scripts.task(done, {
      about: {
        resourceType: 'Site',
        resourceId: '11111111-1111-4111-8111-111111111111',
        relatedResources: [{ type: 'Site', id: 'x' }],
        initiatedBy: 'ada',
        siteId: null,
      },
    }),
  );
  expect(await engine.row(id)).toMatchObject({
    resourceType: 'Site',
    resourceId: '11111111-1111-4111-8111-111111111111',
    relatedResources: [{ type: 'Site', id: 'x' }],
    initiatedBy: 'ada',
  });
});

test('tasks submitted in quick succession all start within a moment, though few carry a notification', async () => {
  const ids = await Promise.all(Array.from({ length: 40 }, () => engine.submit(scripts.task(done))));
  await Promise.all(ids.map((id) => engine.reaches(id, 'SUCCEEDED')));
});
