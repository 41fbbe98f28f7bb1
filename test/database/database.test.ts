import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { testDatabase } from '../support/database.ts';

const log = pino({ level: 'silent' });

describe('an open database', () => {
  let own: Awaited<ReturnType<typeof testDatabase>>;
  let database: Database;

  beforeAll(async () => {
    own = await testDatabase();
    database = await openDatabase({ url: own.url, log });
  });
  afterAll(async () => {
    await database.close();
    await own.drop();
  });

  test('the same SQL gives the same values through the pool and inside a transaction', async () => {
    const text = `SELECT 9007199254740993::bigint AS big, '{"a":[1]}'::jsonb AS json, 'x'::text AS text,
      '2026-01-02T03:04:05.678Z'::timestamptz AS at, $1::uuid AS id, NULL::bigint AS nothing`;
    const values = ['6f1b0f0e-3a2c-4a39-9a6a-1f3f4c1d2e3f'];
    const expected = {
      big: 9007199254740993n,
      json: { a: [1] },
      text: 'x',
      at: new Date('2026-01-02T03:04:05.678Z'),
      id: values[0],
      nothing: null,
    };
    expect((await database.pool.query(text, values)).rows).toEqual([expected]);
    const { run, sql } = database.transactions;
    expect(await run((tx) => sql(tx).query(text, values))).toEqual([expected]);
  });

  test('a transaction is undone when its work fails', async () => {
    const { run, sql } = database.transactions;
    const work = run(async (tx) => {
      await sql(tx).query(`INSERT INTO "SignInLimit" VALUES ($1, 1, now())`, ['somebody']);
      throw new Error('not this time');
    });
    await expect(work).rejects.toThrow('not this time');
    expect(await database.prisma.signInLimit.count()).toBe(0);
  });

  test('the statements of the Prisma client stay prepared, up to a limit', async () => {
    const prepared = async () => {
      const rows = await database.prisma.$queryRaw<
        { count: number }[]
      >`SELECT count(*)::int FROM pg_prepared_statements`;
      return rows[0]?.count ?? 0;
    };
    const before = await prepared();
    await database.prisma.user.findFirst({ where: { displayName: 'somebody' } });
    expect(await prepared()).toBeGreaterThan(before);
    for (let number = 0; number < 600; number += 1) await database.prisma.$queryRawUnsafe(`SELECT ${number}::int`);
    expect(await prepared()).toBeLessThanOrEqual(500);
    expect(await prepared()).toBeGreaterThan(400);
  });
});
