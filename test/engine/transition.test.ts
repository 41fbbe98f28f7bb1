import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { cancelRunningSql } from '../../src/engine/sql/cancel-running.ts';
import { claimSql } from '../../src/engine/sql/claim.ts';
import { endQueuedSql } from '../../src/engine/sql/end-queued.ts';
import { endTasksSql } from '../../src/engine/sql/end-tasks.ts';
import { handBackSql } from '../../src/engine/sql/hand-back.ts';
import { updateQueuedSql } from '../../src/engine/sql/update-queued.ts';
import { waitTaskSql } from '../../src/engine/sql/wait-task.ts';
import { taskStates } from '../../src/engine/task.ts';
import { statesOf, type Transition, transitions } from '../../src/engine/transition.ts';
import { testDatabase } from '../support/database.ts';
import { log } from './harness.ts';

let copy: Awaited<ReturnType<typeof testDatabase>>;
let database: Database;
beforeAll(async () => {
  copy = await testDatabase();
  database = await openDatabase({ url: copy.url, log });
});
afterAll(async () => {
  await database.close();
  await copy.drop();
});

const token = '7';
const ending = (id: string, leaseToken: string) => JSON.stringify([{ id, leaseToken, warnings: [] }]);

/** The statement that makes each transition, for task `id` and a writer who believes to hold the lease `leaseToken`. */
const makers: Record<Transition, (id: string, leaseToken: string) => { text: string; values: unknown[] }> = {
  miss: (id) => ({ text: endQueuedSql, values: [id, statesOf('miss'), '{}', null, true] }),
  drop: (id) => ({ text: endQueuedSql, values: [id, statesOf('drop'), 'null', 'ada', false] }),
  change: (id) => ({ text: updateQueuedSql, values: [id, '{"priority":7}', statesOf('change')] }),
  cancel: (id) => ({ text: cancelRunningSql.text, values: [id, 'ada', statesOf('cancel')] }),
  claim: () => ({ text: claimSql(1).text, values: [['KIND'], 'worker', 20_000] }),
  resume: () => ({ text: claimSql(1).text, values: [['KIND'], 'worker', 20_000] }),
  wait: (id, lease) => ({
    text: waitTaskSql.text,
    values: [id, lease, new Date(Date.now() + 60_000), 'somebody', statesOf('wait'), '0', true],
  }),
  handBack: (id, lease) => ({ text: handBackSql.text, values: [id, lease, statesOf('handBack'), 0] }),
  succeed: (id, lease) => ({ text: endTasksSql.text, values: [ending(id, lease), statesOf('succeed')] }),
  fail: (id, lease) => ({ text: endTasksSql.text, values: [ending(id, lease), statesOf('fail')] }),
  stop: (id, lease) => ({ text: endTasksSql.text, values: [ending(id, lease), statesOf('stop')] }),
};
const names = Object.keys(makers).filter((name): name is Transition => name in transitions);
const fenced: Transition[] = ['wait', 'handBack', 'succeed', 'fail', 'stop'];

/** Puts one task into the state, held with lease token 7 until `leaseMs` from now (null: by nobody), makes the transition, tells the state after. */
async function make(
  transition: Transition,
  state: string,
  lease: { token: string; inMs: number | null },
): Promise<string> {
  const { pool } = database;
  await pool.query('TRUNCATE "Task", "Event"');
  const startBefore = transition === 'miss' ? new Date(0) : null;
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO "Task" ("kind", "state", "leaseToken", "leaseExpiresAt", "startBefore")
     VALUES ('KIND', $1, 7, now() + make_interval(secs => $2::float8 / 1000), $3) RETURNING "id"`,
    [state, lease.inMs, startBefore],
  );
  const id = rows[0]?.id ?? '';
  const { text, values } = makers[transition](id, lease.token);
  const made = await pool.query(text, values);
  const after = await pool.query<{ state: string; events: string; payload: unknown }>(
    `SELECT "state", (SELECT count(*) FROM "Event")::text AS events FROM "Task"`,
  );
  const now = after.rows[0]?.state ?? 'gone';
  // An event is written exactly when the state changed, or what is waited for, or what was asked for.
  const isTold = now !== state || (['wait', 'change'].includes(transition) && made.rows.length > 0);
  expect(after.rows[0]?.events).toBe(isTold ? '1' : '0');
  return made.rows.length === 0 ? 'refused' : now;
}

/** Live for who holds it, expired for a dead worker's task that is to be resumed. */
const usual = (transition: Transition) => ({
  token,
  inMs:
    transition === 'resume'
      ? -1
      : transition === 'claim' || transition === 'miss' || transition === 'drop'
        ? null
        : 60_000,
});

test.each(names)('%s leads from each state where the table says, and nowhere else', async (transition) => {
  const { states } = transitions[transition];
  const expected = Object.fromEntries(taskStates.map((state) => [state, Reflect.get(states, state) ?? 'refused']));
  // Claim and resume are one statement: where one may not, the other may.
  if (transition === 'resume') expected.QUEUED = 'RUNNING';
  if (transition === 'claim') Object.assign(expected, { RUNNING: 'RUNNING', CANCELLING: 'CANCELLING' });
  const made: Record<string, string> = {};
  for (const state of taskStates) made[state] = await make(transition, state, usual(transition));
  expect(made).toEqual(expected);
});

test.each(fenced)('%s is refused to a worker whose lease was taken over or has run out', async (transition) => {
  const [state] = Object.keys(transitions[transition].states);
  expect(await make(transition, state ?? '', { token: '6', inMs: 60_000 })).toBe('refused');
  expect(await make(transition, state ?? '', { token, inMs: -1 })).toBe('refused');
  expect(await make(transition, state ?? '', { token, inMs: null })).toBe('refused');
});

test('a task whose lease is live is not taken', async () => {
  expect(await make('resume', 'RUNNING', { token, inMs: 60_000 })).toBe('refused');
});

test('a task that cannot be cancelled is not', async () => {
  const { pool } = database;
  await pool.query('TRUNCATE "Task", "Event"');
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO "Task" ("kind", "state", "isCancellable") VALUES ('KIND', 'RUNNING', false) RETURNING "id"`,
  );
  const { text, values } = makers.cancel(rows[0]?.id ?? '', token);
  expect((await pool.query(text, values)).rows).toEqual([]);
});

test('docs/task-states.md has every transition of the table and no other', async () => {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'task-states.md'), 'utf8');
  const written = [...page.matchAll(/^\| `(\w+)` \| (queue|worker) \| (\w+) \| (\w+) \| .+ \|$/gm)].map((row) =>
    row.slice(1),
  );
  const table = Object.entries(transitions).flatMap(([name, { by, states }]) =>
    Object.entries(states).map(([from, to]) => [name, by, from, to]),
  );
  expect(written).toEqual(table);
});
