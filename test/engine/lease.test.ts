import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LeaseLost } from '../../src/engine/abort.ts';
import { startWorker } from '../../src/engine/worker.ts';
import { testDatabase } from '../support/database.ts';
import { type Engine, log, openEngine, shortLease, signal } from './harness.ts';
import { createScripts, done, untilAborted } from './script.ts';

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

test('a worker that cannot renew its leases stops its jobs before others may take them, and writes nothing', async () => {
  const nowhere = new pg.Pool({ connectionString: 'postgresql://nobody@localhost/none?host=/nonexistent' });
  const { events, database: open } = engine;
  const options = { ...open, events, jobs: scripts.jobs, log, ...shortLease, heartbeatPool: nowhere };
  const lonely = await startWorker({ ...options, stopAfterMs: 500, heartbeatMs: 100 });
  const reason = signal<unknown>();
  const id = await engine.submit(
    scripts.task(async ({ signal: stop, attempt }) => {
      if (attempt > 1) return done();
      await untilAborted(stop).catch((error: unknown) => reason.resolve(error));
      throw new Error('It stopped in its own way.');
    }),
  );
  expect(await reason.promise).toBeInstanceOf(LeaseLost);
  await lonely.stop();
  expect(await engine.row(id)).toMatchObject({ state: 'RUNNING', error: null });
  const worker = await engine.startWorker();
  await engine.reaches(id, 'SUCCEEDED');
  expect(await engine.row(id)).toMatchObject({ attempts: 2, error: null });
  await worker.stop();
  await nowhere.end();
});

test('the database refuses every write of a worker that does not know yet that its task was taken over', async () => {
  const { pool } = engine.database;
  await pool.query('CREATE TABLE IF NOT EXISTS "Effect" (what text)');
  const worker = await engine.startWorker({ flushMs: 20 });
  const refused = signal<unknown[]>();
  const id = await engine.submit(
    scripts.task(async ({ taskId, step, report, signal: stop }) => {
      await pool.query(`UPDATE "Task" SET "leaseToken" = "leaseToken" + 1, "workerId" = 'another' WHERE "id" = $1`, [
        taskId,
      ]);
      // Progress is written before the first refusal tells the worker what happened.
      report({ percent: 77 });
      const sentinel = scripts.task(async (other) => {
        other.report({ percent: 1 });
        await untilAborted(other.signal);
        return done();
      });
      const sentinelId = await engine.submit(sentinel);
      const progress = engine.events.subscribe({ stream: 'task', subjectId: sentinelId, from: 'now', progress: true });
      for await (const item of progress) if (item.kind === 'progress') break;
      await engine.queue.cancel([sentinelId], 'test');
      expect(stop.aborted).toBe(false);
      const work = async (tx: Parameters<Parameters<typeof engine.database.transactions.run>[0]>[0]) => {
        await tx.$executeRaw`INSERT INTO "Effect" VALUES ('stale')`;
      };
      const errors: unknown[] = [];
      await step('stale', work).catch((error: unknown) => errors.push(error));
      await step('stale').catch((error: unknown) => errors.push(error));
      refused.resolve(errors);
      return { outcome: 'done', result: 'stale', commit: work };
    }),
  );
  expect(await refused.promise).toEqual([expect.any(LeaseLost), expect.any(LeaseLost)]);
  await worker.stop();
  expect(await engine.row(id)).toMatchObject({
    state: 'RUNNING',
    workerId: 'another',
    checkpoint: null,
    progress: null,
    result: null,
  });
  expect((await pool.query('SELECT * FROM "Effect"')).rows).toEqual([]);
});

test('a live lease is renewed for as long as the job takes', async () => {
  const [first, second] = [await engine.startWorker(shortLease), await engine.startWorker(shortLease)];
  const started = signal();
  const gate = signal();
  let runs = 0;
  const long = await engine.submit(
    scripts.task(async ({ check }) => {
      runs++;
      started.resolve();
      await gate.promise;
      await check();
      return done();
    }),
  );
  await started.promise;
  // A task that is due only after the first lease would have ended tells when that is so.
  const later = await engine.submit(scripts.task(done, { notBefore: new Date(Date.now() + shortLease.leaseMs + 300) }));
  await engine.reaches(later, 'SUCCEEDED');
  gate.resolve();
  await engine.reaches(long, 'SUCCEEDED');
  expect(runs).toBe(1);
  await Promise.all([first.stop(), second.stop()]);
});

test('a task whose notification was lost is found without it', async () => {
  const worker = await engine.startWorker({ longestSleepMs: 200 });
  const task = scripts.task(done);
  const { rows } = await engine.database.pool.query<{ id: string }>(
    `INSERT INTO "Task" ("kind", "state", "input") VALUES ('SCRIPT', 'QUEUED', $1) RETURNING "id"`,
    [task.input],
  );
  const id = rows[0]?.id ?? '';
  await engine.reaches(id, 'SUCCEEDED');
  await worker.stop();
});

test('a kind that the program does not know is left for one that does', async () => {
  const { rows } = await engine.database.pool.query<{ id: string }>(
    `INSERT INTO "Task" ("kind", "state", "startBefore") VALUES ('FROM_THE_FUTURE', 'QUEUED', now()) RETURNING "id"`,
  );
  const id = rows[0]?.id ?? '';
  const worker = await engine.startWorker();
  await engine.reaches(await engine.submit(scripts.task(done)), 'SUCCEEDED');
  expect((await engine.row(id)).state).toBe('QUEUED');
  expect(await engine.queue.cancel([id], 'ada')).toEqual(['NOT_CANCELLABLE']);
  await worker.stop();
});
