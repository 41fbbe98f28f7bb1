import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CursorExpiredError, SlowReaderError } from '../../src/events/event.ts';
import { pruneEvents } from '../../src/events/prune.ts';
import { recordEvent } from '../../src/events/record.ts';
import { testDatabase } from '../support/database.ts';
import { about, openSetting, otherSubject, payloads, range, type Setting, subject, take } from './setting.ts';

let copy: Awaited<ReturnType<typeof testDatabase>>;
let here: Setting;
beforeAll(async () => {
  copy = await testDatabase();
});
beforeEach(async () => {
  here = await openSetting(copy.url);
});
afterEach(async () => {
  await here.close();
});
afterAll(async () => {
  await copy.drop();
});

/** Where the log is now. */
const end = async () => {
  const { rows } = await here.database.pool.query<{ last: string }>(
    'SELECT "lastPosition"::text AS last FROM "EventLog"',
  );
  return BigInt(rows[0]?.last ?? 0);
};

test('a subscriber of now hears what is committed after it subscribed, even before it first asks', async () => {
  await here.record([1]);
  await take(here.bus.subscribe(about('latest', { subjectId: subject })), 1);
  const items = here.bus.subscribe(about('now'));
  await here.record([2, 3]);
  expect(payloads(await take(items, 2))).toEqual([2, 3]);
});

test('positions follow commits: an event that was written first and committed last is not missed', async () => {
  const items = here.bus.subscribe(about({ after: await end() }));
  const slow = new Client({ connectionString: copy.url });
  await slow.connect();
  await slow.query('BEGIN');
  await slow.query(
    `INSERT INTO "Event" ("stream","type","subjectId","payload") VALUES ('task','CREATED',$1,'"first written"')`,
    [subject],
  );
  await here.record([10]);
  const [early] = await take(items, 1);
  expect(payloads(early ? [early] : [])).toEqual([10]);
  await slow.query('COMMIT');
  await slow.end();
  here.bus.notifyEvents();
  const [late] = await take(items, 1);
  expect(payloads(late ? [late] : [])).toEqual(['first written']);
  expect(late && early && late.position > early.position).toBe(true);
  // Also for who comes back with the cursor in between.
  expect(payloads(await take(here.bus.subscribe(about({ after: early?.position ?? 0n })), 1))).toEqual([
    'first written',
  ]);
});

test('an event recorded in a transaction of the domain is told as it was written', async () => {
  const { transactions } = here.database;
  const items = here.bus.subscribe(about('now', { subjectId: subject }));
  const payload = { state: 'READY', list: [1, null], text: 'é"\\' };
  await transactions.run((tx) =>
    recordEvent(transactions.sql(tx), { stream: 'task', type: 'CREATED', subjectId: subject, payload }),
  );
  here.bus.notifyEvents();
  const [event] = await take(items, 1);
  expect(event).toMatchObject({ kind: 'event', stream: 'task', type: 'CREATED', subjectId: subject, payload });
});

test('what rolls back has no event and leaves no hole', async () => {
  const start = await end();
  await here.database.transactions
    .run(async (tx) => {
      await tx.$executeRaw`INSERT INTO "Event" ("stream","type","subjectId","payload") VALUES ('task','CREATED',${subject}::uuid,'0')`;
      throw new Error('changed my mind');
    })
    .catch(() => undefined);
  await here.record([1, 2]);
  const items = await take(here.bus.subscribe(about({ after: start })), 2);
  expect(items.map(({ position }) => position - start)).toEqual([1n, 2n]);
  expect(payloads(items)).toEqual([1, 2]);
});

test('latest begins with the last event of the subject, although it has no position yet', async () => {
  await here.record([1, 2]);
  // Written behind the bus's back: nobody has told the sequencer.
  await here.database.pool.query(
    `INSERT INTO "Event" ("stream","type","subjectId","payload") VALUES ('task','STATE_CHANGED',$1,'3'), ('task','STATE_CHANGED',$2,'4')`,
    [subject, otherSubject],
  );
  const items = here.bus.subscribe(about('latest', { subjectId: subject }));
  expect(payloads(await take(items, 1))).toEqual([3]);
  await here.record([5], otherSubject);
  await here.record([6]);
  expect(payloads(await take(items, 1))).toEqual([6]);
});

test('latest of a subject without events begins with what comes', async () => {
  const subjectId = '44444444-4444-4444-8444-444444444444';
  const items = here.bus.subscribe(about('latest', { subjectId }));
  const first = take(items, 1);
  await here.record([1]);
  await here.record([7], subjectId);
  expect(payloads(await first)).toEqual([7]);
});

test('a subscriber gets its stream and subject only', async () => {
  const after = await end();
  await here.database.pool.query(
    `INSERT INTO "Event" ("stream","type","subjectId","payload") VALUES ('other','X',$1,'"another stream"')`,
    [subject],
  );
  await here.record([1], otherSubject);
  await here.record([2]);
  expect(payloads(await take(here.bus.subscribe(about({ after }, { subjectId: subject })), 1))).toEqual([2]);
  expect(payloads(await take(here.bus.subscribe(about({ after })), 2))).toEqual([1, 2]);
});

test('ending a subscription that waits ends it at once', async () => {
  const items = here.bus.subscribe(about('now'));
  const waiting = items.next();
  await items.return();
  expect(await waiting).toEqual({ value: undefined, done: true });
  const stop = new AbortController();
  const next = here.bus.subscribe(about('now', { signal: stop.signal })).next();
  stop.abort();
  expect((await next).done).toBe(true);
});

test('closing the bus ends its subscriptions', async () => {
  const there = await openSetting(copy.url);
  const next = there.bus.subscribe(about('now')).next();
  await there.close();
  expect((await next).done).toBe(true);
});

test('an expired cursor is refused with the oldest that is valid, never served with a gap', async () => {
  const start = await end();
  await here.record([1, 2, 3]);
  await take(here.bus.subscribe(about({ after: start })), 3);
  await here.database.pool.query(`UPDATE "Event" SET "at" = now() - interval '8 days' WHERE "position" <= $1`, [
    start + 2n,
  ]);
  await pruneEvents(here.database.pool, 7 * 24 * 3_600_000);
  const expired = here.bus.subscribe(about({ after: start + 1n })).next();
  await expect(expired).rejects.toEqual(new CursorExpiredError(start + 2n));
  expect(payloads(await take(here.bus.subscribe(about({ after: start + 2n })), 1))).toEqual([3]);
});

test('pruning stops at the first event that is to be kept', async () => {
  const start = await end();
  await here.record([1, 2, 3]);
  await take(here.bus.subscribe(about({ after: start })), 3);
  await here.database.pool.query(`UPDATE "Event" SET "at" = now() - interval '8 days' WHERE "position" <> $1`, [
    start + 2n,
  ]);
  await pruneEvents(here.database.pool, 7 * 24 * 3_600_000);
  expect(payloads(await take(here.bus.subscribe(about({ after: start + 1n })), 2))).toEqual([2, 3]);
});

test('a cursor from beyond the end is not of this database and is refused', async () => {
  const next = here.bus.subscribe(about({ after: (await end()) + 1_000n })).next();
  await expect(next).rejects.toBeInstanceOf(CursorExpiredError);
});

test('a slow reader of live events is ended and can go on after the last one that it got', async () => {
  const there = await openSetting(copy.url, { eventsKept: 10 });
  const items = there.bus.subscribe(about('now'));
  const first = take(items, 1);
  await there.record([0]);
  const [got] = await first;
  // A second reader tells when all of them have arrived in this process.
  const witness = there.bus.subscribe(about({ after: got?.position ?? 0n }));
  for (const n of range(1, 21)) {
    const arrived = take(witness, 1);
    await there.record([n]);
    await arrived;
  }
  const error = await items.next().catch((reason: unknown) => reason);
  expect(error).toEqual(new SlowReaderError(got?.position ?? 0n));
  const again = there.bus.subscribe(about({ after: got?.position ?? 0n }));
  expect(payloads(await take(again, 20))).toEqual(range(1, 21));
  await there.close();
});

test('of many progress notices a slow reader gets the latest, behind the events', async () => {
  const there = await openSetting(copy.url);
  const items = here.bus.subscribe(about('now', { progress: true }));
  const first = take(items, 1);
  await here.record([1]);
  const [event] = await first;
  const witness = here.bus.subscribe(about('now', { progress: true }));
  for (let count = 0; count < 3; count++) {
    const seen = take(witness, 1);
    there.bus.announceProgress('task', [subject]);
    await seen;
  }
  const told = take(here.bus.subscribe(about({ after: event?.position ?? 0n })), 1);
  await here.record([2]);
  await told;
  const [second, notice] = await take(items, 2);
  expect(second).toMatchObject({ kind: 'event', payload: 2 });
  expect(notice).toMatchObject({ kind: 'progress', subjectId: subject, position: second?.position });
  await here.record([3]);
  expect(payloads(await take(items, 1))).toEqual([3]);
  await there.close();
});

test('progress of very many subjects is told in notices that the database accepts', async () => {
  const subjects = range(0, 400).map((n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
  const items = here.bus.subscribe(about('now', { progress: true }));
  const all = take(items, subjects.length);
  here.bus.announceProgress('task', subjects);
  const seen = new Set((await all).map((item) => item.subjectId));
  expect(seen.size).toBe(400);
});
