import { afterAll, beforeAll, expect, test } from 'vitest';
import { TaskCancelled } from '../../src/engine/abort.ts';
import { JobFailure } from '../../src/engine/job.ts';
import { testDatabase } from '../support/database.ts';
import { type Engine, openEngine, signal } from './harness.ts';
import { createScripts, done, untilAborted } from './script.ts';

const scripts = createScripts();
let database: Awaited<ReturnType<typeof testDatabase>>;
let engine: Engine;
beforeAll(async () => {
  database = await testDatabase();
  engine = await openEngine(database.url, scripts.jobs);
  await engine.startWorker({ heartbeatMs: 50 });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});
const inAnHour = () => new Date(Date.now() + 3_600_000);

test('a queued task is cancelled at once and gives back what it had taken', async () => {
  const told = signal<unknown>();
  const id = await engine.submit(
    scripts.task(done, { notBefore: inAnHour(), onUnfinished: async (_tx, ended) => told.resolve(ended) }),
  );
  expect(await engine.queue.cancel([id], 'ada')).toEqual(['CANCELLED']);
  await engine.reaches(id, 'CANCELLED');
  expect(await told.promise).toEqual({ id, state: 'CANCELLED', failure: undefined, wasStarted: false });
  expect(await engine.row(id)).toMatchObject({ state: 'CANCELLED', cancelRequestedBy: 'ada' });
});

test('a running task is CANCELLING until its job has really stopped', async () => {
  const started = signal();
  const aborted = signal();
  const gate = signal();
  const task = scripts.task(async ({ signal: stop, check }) => {
    started.resolve();
    await untilAborted(stop).catch(() => aborted.resolve());
    await expect(check()).rejects.toBeInstanceOf(TaskCancelled);
    await gate.promise;
    throw stop.reason;
  });
  const id = await engine.submit(task);
  await started.promise;
  expect(await engine.queue.cancel([id], 'ada')).toEqual(['CANCELLING']);
  await aborted.promise;
  expect((await engine.row(id)).state).toBe('CANCELLING');
  expect(await engine.queue.cancel([id], 'bob')).toEqual(['CANCELLING']);
  gate.resolve();
  await engine.reaches(id, 'CANCELLED');
});

test('a cancel whose notification was lost is heard with the next heartbeat', async () => {
  const started = signal();
  const id = await engine.submit(
    scripts.task(async ({ signal: stop }) => {
      started.resolve();
      return untilAborted(stop);
    }),
  );
  await started.promise;
  await engine.database.pool.query(`UPDATE "Task" SET "state" = 'CANCELLING' WHERE "id" = $1`, [id]);
  await engine.reaches(id, 'CANCELLED');
});

test('a waiting task runs once more to stop what it waits for', async () => {
  const waiting = signal();
  const stopped = signal();
  const task = scripts.task(async ({ checkpoint, step, signal: stop }) => {
    if (checkpoint === undefined) {
      await step('asked');
      waiting.resolve();
      return { outcome: 'wait', until: inAnHour(), waitingFor: 'the other system' };
    }
    if (stop.aborted) stopped.resolve();
    throw stop.reason;
  });
  const id = await engine.submit(task);
  await waiting.promise;
  expect(await engine.queue.cancel([id], 'ada')).toEqual(['CANCELLING']);
  await stopped.promise;
  await engine.reaches(id, 'CANCELLED');
});

test('a job that reached its goal before it heard of the cancel has succeeded', async () => {
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
  await engine.queue.cancel([id], 'ada');
  gate.resolve();
  await engine.reaches(id, 'SUCCEEDED');
});

test('a job that fails for a reason of its own while it is cancelled says so', async () => {
  const started = signal();
  const id = await engine.submit(
    scripts.task(async ({ signal: stop }) => {
      started.resolve();
      await untilAborted(stop).catch(() => undefined);
      throw new JobFailure({ code: 'OUTCOME_UNKNOWN', message: 'It cannot be known whether it was done.' });
    }),
  );
  await started.promise;
  await engine.queue.cancel([id], 'ada');
  await engine.reaches(id, 'FAILED');
  expect((await engine.row(id)).error?.code).toBe('OUTCOME_UNKNOWN');
});

test('what cannot be cancelled says why', async () => {
  const gate = signal();
  const started = signal();
  const run = async () => {
    started.resolve();
    await gate.promise;
    return done();
  };
  const stubborn = await engine.submit(scripts.task(run, { kind: 'STUBBORN' }));
  await started.promise;
  const over = await engine.submit(scripts.task(done));
  await engine.reaches(over, 'SUCCEEDED');
  const ids = [stubborn, over, '00000000-0000-4000-8000-000000000000', 'no id at all'];
  expect(await engine.queue.cancel(ids, 'ada')).toEqual(['NOT_CANCELLABLE', 'ALREADY_ENDED', 'NOT_FOUND', 'NOT_FOUND']);
  gate.resolve();
  await engine.reaches(stubborn, 'SUCCEEDED');
});
