import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { claimSql } from '../../src/engine/sql/claim.ts';
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

/** Every node of a plan. */
function nodesOf(plan: unknown): Record<string, unknown>[] {
  if (typeof plan !== 'object' || plan === null) return [];
  const inner = Object.values(plan).flatMap(nodesOf);
  return 'Node Type' in plan ? [{ ...plan }, ...inner] : inner;
}

test('a claim reads the queue by its index, and no further than it takes', async () => {
  const { pool } = database;
  await pool.query(`INSERT INTO "Task" ("kind", "state", "priority", "createdAt")
    SELECT 'KIND', CASE WHEN n % 2 = 0 THEN 'QUEUED' ELSE 'SUCCEEDED' END, n % 101, now() - n * interval '1 second'
    FROM generate_series(1, 20000) AS n`);
  await pool.query('ANALYZE "Task"');
  const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${claimSql(4).text}`, [['KIND'], 'worker', 20_000]);
  const queue = nodesOf(rows).filter((node) => node['Index Name'] === 'Task_claim_idx');
  expect(queue).toMatchObject([{ 'Node Type': 'Index Scan', 'Actual Rows': 4 }]);
});
