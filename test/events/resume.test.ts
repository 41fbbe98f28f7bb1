import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamItem } from '../../src/events/event.ts';
import { testDatabase } from '../support/database.ts';
import { about, openSetting, payloads, range, type Setting, subject, take } from './setting.ts';

let copy: Awaited<ReturnType<typeof testDatabase>>;
let settings: [Setting, Setting];
let admin: Client;
beforeAll(async () => {
  copy = await testDatabase();
  settings = await Promise.all([openSetting(copy.url), openSetting(copy.url)]);
  admin = new Client({ connectionString: copy.url });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await Promise.all(settings.map((setting) => setting.close()));
  await copy.drop();
});

/** Numbers that look random and are the same in every run (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const endOfLog = async () => {
  const { rows } = await admin.query<{ last: string }>('SELECT "lastPosition"::text AS last FROM "EventLog"');
  return BigInt(rows[0]?.last ?? 0);
};
const publish = async (from: number, to: number) => {
  const program = fileURLToPath(new URL('./publisher.ts', import.meta.url));
  const [code] = await once(fork(program, [JSON.stringify({ url: copy.url, from, to })]), 'exit');
  expect(code).toBe(0);
};

test('a subscriber cut at random places gets each of 1,000 events once and in order, whichever process it comes back to', async () => {
  const start = await endOfLog();
  const random = randomFrom(20_261_121);
  const producers = Promise.all([
    publish(0, 400),
    settings[0].record(range(400, 700)),
    settings[1].record(range(700, 1_000)),
  ]);
  const received: StreamItem[] = [];
  let cuts = 0;
  for (let cursor = start; received.length < 1_000; cuts++) {
    const setting = settings[random(2)] ?? settings[0];
    const items = setting.bus.subscribe(about({ after: cursor }));
    received.push(...(await take(items, Math.min(1 + random(40), 1_000 - received.length))));
    await items.return();
    cursor = received.at(-1)?.position ?? cursor;
    if (cuts % 10 === 5) {
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'drgraph listener'`);
    }
  }
  await producers;
  expect(cuts).toBeGreaterThan(20);
  const positions = received.map(({ position }) => position);
  expect(positions).toEqual(range(1, 1_001).map((n) => start + BigInt(n)));
  expect(payloads(received).toSorted((a, b) => Number(a) - Number(b))).toEqual(range(0, 1_000));
  // Of each producer in the order of its commits.
  for (const [from, to] of [
    [0, 400],
    [400, 700],
    [700, 1_000],
  ] as const) {
    const own = payloads(received).filter((n) => Number(n) >= from && Number(n) < to);
    expect(own).toEqual(range(from, to));
  }
});

test('many live subscribers and one that starts in the middle all see the same events', async () => {
  const start = await endOfLog();
  const early = range(0, 20).map((n) => settings[n % 2 === 0 ? 0 : 1].bus.subscribe(about({ after: start })));
  const all = early.map((items) => take(items, 300));
  await settings[0].record(range(0, 150));
  const middle = take(settings[1].bus.subscribe(about({ after: start })), 300);
  await settings[0].record(range(150, 300));
  for (const items of [...all, middle]) expect(payloads(await items)).toEqual(range(0, 300));
});

test('a live subscriber misses nothing while the listening connection is down', async () => {
  const [here, there] = settings;
  const items = here.bus.subscribe(about('latest', { subjectId: subject }));
  await take(items, 1);
  const next = take(items, 50);
  const cut = admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'drgraph listener'`);
  await there.record(range(0, 50));
  await cut;
  expect(payloads(await next)).toEqual(range(0, 50));
});

test('a subscriber hears of events that a process wrote which died before it announced them', async () => {
  const items = settings[0].bus.subscribe(about('now'));
  await admin.query(
    `INSERT INTO "Event" ("stream","type","subjectId","payload") VALUES ('task','STATE_CHANGED',$1,'"unannounced"')`,
    [subject],
  );
  expect(payloads(await take(items, 1))).toEqual(['unannounced']);
});
