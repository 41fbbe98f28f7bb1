import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { JobFailure } from '../../src/engine/job.ts';
import { testDatabase } from '../support/database.ts';
import { type Engine, openEngine, signal } from './harness.ts';
import { createScripts, done, untilAborted } from './script.ts';

const scripts = createScripts();
let database: Awaited<ReturnType<typeof testDatabase>>;
let engine: Engine;
beforeAll(async () => {
  database = await testDatabase();
});
beforeEach(async () => {
  engine = await openEngine(database.url, scripts.jobs);
  await engine.database.pool.query('CREATE TABLE IF NOT EXISTS "Effect" (what text)');
  await engine.database.pool.query('TRUNCATE "Effect"');
});
afterEach(async () => {
  await engine.close();
});
afterAll(async () => {
  await database.drop();
});

const effects = async () => {
  const { rows } = await engine.database.pool.query<{ what: string }>('SELECT what FROM "Effect" ORDER BY what');
  return rows.map(({ what }) => what);
};
const inAnHour = () => new Date(Date.now() + 3_600_000);

test('a task runs and leaves its result, reason and full progress', async () => {
  await engine.startWorker();
  const task = scripts.task(async () => ({ outcome: 'done', result: { sum: 5 }, completeReason: 'added' }));
  const id = await engine.submit(task);
  await engine.reaches(id, 'SUCCEEDED');
  const row = await engine.row(id);
  expect(row).toMatchObject({
    state: 'SUCCEEDED',
    result: { sum: 5 },
    completeReason: 'added',
    attempts: 1,
    progress: 100,
  });
  expect(row.finishedAt).toBeInstanceOf(Date);
});

test('what a task commits with its success is there exactly when the success is', async () => {
  await engine.startWorker();
  const commit =
    (what: string) => async (tx: Parameters<Parameters<typeof engine.database.transactions.run>[0]>[0]) => {
      await tx.$executeRaw`INSERT INTO "Effect" VALUES (${what})`;
      if (what === 'refused') throw new JobFailure({ code: 'FULL', message: 'The shelf is full.' });
    };
  const good = await engine.submit(scripts.task(async () => ({ outcome: 'done', result: 1, commit: commit('kept') })));
  const bad = await engine.submit(
    scripts.task(async () => ({ outcome: 'done', result: 1, commit: commit('refused') })),
  );
  await engine.reaches(good, 'SUCCEEDED');
  await engine.reaches(bad, 'FAILED');
  expect(await effects()).toEqual(['kept']);
  expect(await engine.row(bad)).toMatchObject({ result: null, error: { code: 'FULL', message: 'The shelf is full.' } });
});

test('a step stores its checkpoint and its domain writes together or not at all', async () => {
  await engine.startWorker();
  const task = scripts.task(async ({ step }) => {
    await step({ part: 1 }, async (tx) => {
      await tx.$executeRaw`INSERT INTO "Effect" VALUES ('first')`;
    });
    await step({ part: 2 }, async (tx) => {
      await tx.$executeRaw`INSERT INTO "Effect" VALUES ('second')`;
      throw new JobFailure({ code: 'HALFWAY', message: 'Stopped halfway.' });
    });
    return done();
  });
  const id = await engine.submit(task);
  await engine.reaches(id, 'FAILED');
  expect(await effects()).toEqual(['first']);
  expect((await engine.row(id)).checkpoint).toEqual({ part: 1 });
});

test('a failing job gives back what it had taken in the transaction that ends it', async () => {
  await engine.startWorker();
  const told = signal<unknown>();
  const task = scripts.task(
    async () => {
      throw new JobFailure({ code: 'DISK_FULL', message: 'The disk is full.', args: { path: '/x' } });
    },
    {
      onUnfinished: async (tx, ended) => {
        await tx.$executeRaw`INSERT INTO "Effect" VALUES ('given back')`;
        const rows = await tx.$queryRaw`SELECT "state" FROM "Task" WHERE "id" = ${ended.id}::uuid`;
        told.resolve({ ended, rows });
      },
    },
  );
  const id = await engine.submit(task);
  await engine.reaches(id, 'FAILED');
  const failure = { code: 'DISK_FULL', message: 'The disk is full.', args: { path: '/x' } };
  expect(await told.promise).toEqual({
    ended: { id, state: 'FAILED', failure, wasStarted: true },
    rows: [{ state: 'FAILED' }],
  });
  expect(await effects()).toEqual(['given back']);
});

test('an unexpected exception ends the task without telling its text to clients', async () => {
  await engine.startWorker();
  const id = await engine.submit(
    scripts.task(async () => {
      throw new Error('password=hunter2');
    }),
  );
  await engine.reaches(id, 'FAILED');
  const { error } = await engine.row(id);
  expect(error?.code).toBe('INTERNAL');
  expect(JSON.stringify(error)).not.toContain('hunter2');
});

test('text that the database refuses is stored without it and harms no other task', async () => {
  await engine.startWorker();
  const tasks = ['a\0b', 'plain'].map((result) => scripts.task(async () => ({ outcome: 'done', result })));
  const [odd, plain] = await Promise.all(tasks.map((task) => engine.submit(task)));
  await Promise.all([odd, plain].map((id) => engine.reaches(id ?? '', 'SUCCEEDED')));
  expect((await engine.row(odd ?? '')).result).toBe('a\uFFFDb');
});

test('waiting frees the slot, keeps the entity key and goes on as the same attempt when it is called', async () => {
  await engine.startWorker({ concurrency: 1 });
  const resumed = signal<{ attempt: number; checkpoint: unknown }>();
  const task = scripts.task(
    async ({ checkpoint, step, attempt }) => {
      if (checkpoint === undefined) {
        await step('asked');
        return { outcome: 'wait', until: inAnHour(), waitingFor: 'the other system' };
      }
      resumed.resolve({ attempt, checkpoint });
      return done();
    },
    { entityKey: 'vm:1' },
  );
  const id = await engine.submit(task);
  await engine.reaches(await engine.submit(scripts.task(done)), 'SUCCEEDED');
  // The slot is free as soon as the job has returned; that it waits is written right after.
  await expect.poll(() => engine.row(id)).toMatchObject({ state: 'RUNNING', waitingFor: 'the other system' });
  const second = await engine.database.transactions.run((tx) =>
    engine.queue.enqueue(tx, scripts.task(done, { entityKey: 'vm:1' })),
  );
  expect(second).toEqual({ outcome: 'conflict', taskId: id, kind: 'SCRIPT' });
  expect(await engine.queue.wake(id)).toBe(true);
  expect(await resumed.promise).toEqual({ attempt: 1, checkpoint: 'asked' });
  await engine.reaches(id, 'SUCCEEDED');
  expect((await engine.row(id)).waitingFor).toBeNull();
});

test('a wait ends by itself when its time has come', async () => {
  await engine.startWorker();
  let runs = 0;
  const task = scripts.task(async () =>
    ++runs === 1 ? { outcome: 'wait', until: new Date(Date.now() + 100), waitingFor: 'a time' } : done(),
  );
  await engine.reaches(await engine.submit(task), 'SUCCEEDED');
  expect(runs).toBe(2);
});

test('a call that comes just before the job decides to wait is not lost', async () => {
  await engine.startWorker();
  let runs = 0;
  const task = scripts.task(async ({ taskId }) => {
    if (++runs > 1) return done();
    await engine.queue.wake(taskId);
    return { outcome: 'wait', until: inAnHour(), waitingFor: 'an answer' };
  });
  await engine.reaches(await engine.submit(task), 'SUCCEEDED');
});

test('the most urgent task starts first, then the oldest', async () => {
  const order: string[] = [];
  const named = (name: string, priority?: number) =>
    scripts.task(
      async () => {
        order.push(name);
        return done();
      },
      { priority },
    );
  const ids: string[] = [];
  for (const task of [named('old'), named('new'), named('urgent', 90), named('idle', 1)])
    ids.push(await engine.submit(task));
  await engine.startWorker({ concurrency: 1 });
  for (const id of ids) await engine.reaches(id, 'SUCCEEDED');
  expect(order).toEqual(['urgent', 'old', 'new', 'idle']);
});

test('a task that waits long enough starts before more urgent ones: ten points are worth an hour', async () => {
  const order: string[] = [];
  const named = (name: string, priority: number) =>
    scripts.task(
      async () => {
        order.push(name);
        return done();
      },
      { priority },
    );
  const ids: string[] = [];
  const waitedHours: [string, number, number, number][] = [
    ['urgent', 100, 0, 0],
    ['idle for 9 hours', 0, 9, 0],
    ['idle for 11 hours', 0, 11, 0],
    ['idle for 11 hours, allowed to start for 1', 0, 11, 1],
  ];
  for (const [name, priority, hours, sinceHours] of waitedHours) {
    const id = await engine.submit(named(name, priority));
    await engine.database.pool.query(
      `UPDATE "Task" SET "createdAt" = now() - make_interval(hours => $2),
         "notBefore" = CASE WHEN $3 > 0 THEN now() - make_interval(hours => $3) END WHERE "id" = $1`,
      [id, hours, sinceHours],
    );
    ids.push(id);
  }
  await engine.startWorker({ concurrency: 1 });
  for (const id of ids) await engine.reaches(id, 'SUCCEEDED');
  expect(order).toEqual([
    'idle for 11 hours',
    'urgent',
    'idle for 9 hours',
    'idle for 11 hours, allowed to start for 1',
  ]);
});

test('a task does not start before its time, and does then', async () => {
  await engine.startWorker();
  const notBefore = new Date(Date.now() + 400);
  const id = await engine.submit(scripts.task(done, { notBefore }));
  await engine.reaches(id, 'SUCCEEDED');
  expect((await engine.row(id)).startedAt?.getTime()).toBeGreaterThanOrEqual(notBefore.getTime());
});

test('a task that could not start in its window fails and never runs', async () => {
  const worker = { concurrency: 1, longestSleepMs: 100 };
  await engine.startWorker(worker);
  const gate = signal();
  const busy = signal();
  const long = await engine.submit(
    scripts.task(async () => {
      busy.resolve();
      await gate.promise;
      return done();
    }),
  );
  await busy.promise;
  const told = signal<unknown>();
  const task = scripts.task(() => Promise.reject(new Error('It ran.')), {
    startBefore: new Date(Date.now() + 150),
    onUnfinished: async (_tx, ended) => told.resolve(ended),
  });
  const id = await engine.submit(task);
  await engine.reaches(id, 'FAILED');
  expect((await engine.row(id)).error?.code).toBe('START_WINDOW_MISSED');
  expect(await told.promise).toMatchObject({ id, state: 'FAILED', wasStarted: false });
  gate.resolve();
  await engine.reaches(long, 'SUCCEEDED');
});

test('progress is written while the job runs and its listeners are told', async () => {
  await engine.startWorker({ flushMs: 20 });
  const gate = signal();
  const task = scripts.task(async ({ report, warn }) => {
    report({ percent: 10, phase: 'reading' });
    report({ percent: 42.5, bytesDone: 9_007_199_254_740_993n });
    warn({ code: 'SLOW', message: 'The disk is slow.' });
    await gate.promise;
    warn({ code: 'SLOW', message: 'The disk is slow.' });
    return done();
  });
  const id = await engine.submit(task);
  for await (const item of engine.events.subscribe({ stream: 'task', subjectId: id, from: 'latest', progress: true })) {
    if (item.kind === 'progress') break;
  }
  expect(await engine.row(id)).toMatchObject({
    progress: 42.5,
    phase: 'reading',
    bytesDone: 9_007_199_254_740_993n,
    warnings: [{ code: 'SLOW', message: 'The disk is slow.' }],
  });
  gate.resolve();
  await engine.reaches(id, 'SUCCEEDED');
  expect((await engine.row(id)).warnings).toHaveLength(1);
});

test('a stopping worker hands its tasks back and the next one goes on from the checkpoint', async () => {
  const worker = await engine.startWorker();
  const started = signal();
  const task = scripts.task(async ({ checkpoint, step, signal: stop, attempt }) => {
    if (checkpoint === 'half') return { outcome: 'done', result: attempt };
    await step('half');
    started.resolve();
    return untilAborted(stop);
  });
  const id = await engine.submit(task);
  await started.promise;
  await worker.stop();
  expect(await engine.row(id)).toMatchObject({ state: 'QUEUED', attempts: 0, checkpoint: 'half', workerId: null });
  await engine.startWorker();
  await engine.reaches(id, 'SUCCEEDED');
  expect(await engine.row(id)).toMatchObject({ result: 1, attempts: 1 });
});

test('a job that does not stop when it is told to does not keep its worker from stopping', async () => {
  const worker = await engine.startWorker({ stopWithinMs: 100 });
  const started = signal();
  const gate = signal();
  const id = await engine.submit(
    scripts.task(async () => {
      started.resolve();
      await gate.promise;
      return done();
    }),
  );
  await started.promise;
  await worker.stop();
  expect((await engine.row(id)).state).toBe('RUNNING');
  gate.resolve();
});

test('a warning that is said again, after it was written, is kept once', async () => {
  await engine.startWorker();
  const warning = { code: 'ODD', message: 'Something is odd.' };
  const again = signal<void>();
  const task = scripts.task(async ({ warn }) => {
    warn(warning);
    await again.promise;
    warn(warning);
    return done();
  });
  const id = await engine.submit(task);
  await expect.poll(async () => (await engine.row(id)).warnings).toEqual([warning]);
  again.resolve();
  await engine.reaches(id, 'SUCCEEDED');
  expect((await engine.row(id)).warnings).toEqual([warning]);
});
