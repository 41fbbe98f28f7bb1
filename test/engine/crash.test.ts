import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { type Member, startMember } from './crew.ts';
import { type Engine, openEngine, shortLease } from './harness.ts';
import { memberKinds } from './member-kinds.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let engine: Engine;
let crew: Member[];
beforeAll(async () => {
  database = await testDatabase();
  engine = await openEngine(database.url, memberKinds);
  await engine.database.pool.query('CREATE TABLE "Effect" (what text)');
});
beforeEach(() => {
  crew = [];
});
afterEach(async () => {
  await Promise.all(crew.map((member) => member.kill('SIGKILL')));
  await engine.database.pool.query('TRUNCATE "Effect", "Task", "Event"');
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

const join = async (options: Record<string, unknown> = {}) => {
  const member = await startMember(database.url, { ...shortLease, ...options });
  crew.push(member);
  return member;
};
const effects = async () => {
  const { rows } = await engine.database.pool.query<{ what: string }>('SELECT what FROM "Effect" ORDER BY what');
  return rows.map(({ what }) => what);
};

test('another worker finishes what a killed one had begun, and no step is done twice', async () => {
  const first = await join();
  const id = await engine.submit({ kind: 'STEPS', input: { name: 'a', steps: 4, holdAt: 2 } });
  await first.tells('holding');
  await join();
  await first.kill('SIGKILL');
  await engine.reaches(id, 'SUCCEEDED');
  expect(await effects()).toEqual(['a:0', 'a:1', 'a:2', 'a:3']);
  expect(await engine.row(id)).toMatchObject({ attempts: 2, result: 4 });
});

test.each(['return', 'throw'])(
  'a worker stopped past its lease changes nothing when it goes on, if its job ends by %s',
  async (mode) => {
    const first = await join();
    const id = await engine.submit({ kind: 'STALE', input: { mode } });
    await first.tells('holding');
    await first.kill('SIGSTOP');
    const second = await join();
    await second.tells('taken over');
    first.ask({ what: 'go on' });
    await first.kill('SIGCONT');
    expect((await first.tells('refused')).value).toEqual(['LeaseLost', 'LeaseLost']);
    // Orderly, so that everything it still meant to write was tried.
    await first.kill('SIGTERM');
    expect(await engine.row(id)).toMatchObject({
      state: 'RUNNING',
      checkpoint: { steps: 2 },
      result: null,
      error: null,
      progress: null,
    });
    expect(await effects()).toEqual([]);
    second.ask({ what: 'finish' });
    await engine.reaches(id, 'SUCCEEDED');
    expect(await engine.row(id)).toMatchObject({ result: 'rightful', phase: null });
  },
);

test('a worker stopped in the middle of a step does not keep others from the task, and its step is undone', async () => {
  const first = await join();
  const id = await engine.submit({ kind: 'STALE', input: { mode: 'in a step' } });
  await first.tells('holding');
  await first.kill('SIGSTOP');
  const second = await join();
  await second.tells('taken over');
  first.ask({ what: 'go on' });
  await first.kill('SIGCONT');
  expect((await first.tells('refused')).value).toEqual(['the step', 'LeaseLost', 'LeaseLost']);
  await first.kill('SIGTERM');
  second.ask({ what: 'finish' });
  await engine.reaches(id, 'SUCCEEDED');
  expect(await engine.row(id)).toMatchObject({ result: 'rightful', checkpoint: { steps: 2 } });
  expect(await effects()).toEqual([]);
});

test('a task that kills its workers ends FAILED after its last attempt and gives back what it had taken', async () => {
  const brief = { leaseMs: 800, heartbeatMs: 200, stopAfterMs: 600 };
  const id = await engine.submit({ kind: 'DEADLY', input: {} });
  for (const attempt of [1, 2, 3]) {
    const member = await join(brief);
    expect((await member.tells('dying')).attempt).toBe(attempt);
  }
  await join(brief);
  await engine.reaches(id, 'FAILED');
  expect(await engine.row(id)).toMatchObject({ attempts: 3, error: { code: 'WORKER_DIED' } });
  expect(await effects()).toEqual(['given back WORKER_DIED']);
});

test('submissions of one client token, many at once in two processes, make one task', async () => {
  const both = await Promise.all([join({ withWorker: false }), join({ withWorker: false })]);
  for (const member of both) member.ask({ what: 'submit', value: { count: 100, token: 'once' } });
  const answers = await Promise.all(both.map((member) => member.tells('submitted')));
  const all = answers.flatMap(({ value }) => (Array.isArray(value) ? value : []));
  expect(all).toHaveLength(200);
  expect(new Set(all.map(({ taskId }) => taskId)).size).toBe(1);
  expect(all.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
  const { rows } = await engine.database.pool.query('SELECT 1 FROM "Task"');
  expect(rows).toHaveLength(1);
});
