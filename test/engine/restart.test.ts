import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { testDatabase } from '../support/database.ts';
import { type Engine, log, openEngine } from './harness.ts';
import { createScripts } from './script.ts';

const tasks = 120;

/**
 * Submits tasks of two steps one after the other, lets `disturb` break the database's connections now and then meanwhile, and
 * checks that each acknowledged one ends once, with each of its steps done once.
 */
async function survive(
  engine: Engine,
  scripts: ReturnType<typeof createScripts>,
  disturb: () => Promise<void>,
): Promise<void> {
  const { pool, transactions } = engine.database;
  await pool.query('CREATE TABLE "Effect" (what text)');
  const task = (name: number) =>
    scripts.task(
      async ({ checkpoint, step }) => {
        for (let done = typeof checkpoint === 'number' ? checkpoint : 0; done < 2; done++) {
          await step(done + 1, async (tx) => {
            await tx.$executeRaw`INSERT INTO "Effect" VALUES (${`${name}:${done}`})`;
          });
        }
        return { outcome: 'done', result: name };
      },
      { client: { scope: 'test', token: String(name) } },
    );
  await engine.startWorker();
  const acknowledged: string[] = [];
  for (let name = 0; name < tasks; name++) {
    const one = task(name);
    for (let isIn = false; !isIn; ) {
      try {
        acknowledged.push((await transactions.run((tx) => engine.queue.enqueue(tx, one))).taskId);
        isIn = true;
      } catch (error) {
        // What was not acknowledged is submitted again, as a client with a token does.
        expect(error).toBeInstanceOf(Error);
      }
    }
    if (name % 40 === 20) await disturb();
  }
  for (const id of acknowledged) await engine.reaches(id, 'SUCCEEDED');

  const effects = await pool.query<{ count: string }>('SELECT count(*)::text AS count FROM "Effect"');
  const distinct = await pool.query<{ count: string }>('SELECT count(DISTINCT what)::text AS count FROM "Effect"');
  expect([effects.rows[0]?.count, distinct.rows[0]?.count]).toEqual([String(2 * tasks), String(2 * tasks)]);
  const ends = await pool.query(
    `SELECT "subjectId" FROM "Event" WHERE "payload"->>'state' = 'SUCCEEDED' GROUP BY "subjectId" HAVING count(*) = 1`,
  );
  expect(ends.rows).toHaveLength(tasks);
}

test('every acknowledged task ends once although all connections are cut again and again', async () => {
  const database = await testDatabase();
  const scripts = createScripts();
  const engine = await openEngine(database.url, scripts.jobs);
  const admin = new Client({ connectionString: database.url });
  await admin.connect();
  try {
    await survive(engine, scripts, async () => {
      await admin.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
    });
  } finally {
    await admin.end();
    await engine.close();
    await database.drop();
  }
});

test('every acknowledged task ends once although PostgreSQL is restarted under load', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'drgraph-restart-'));
  await chmod(dataDir, 0o755);
  let server = await startEmbeddedPostgres({ dataDir, log });
  try {
    await migrate({ url: server.url, log });
    const scripts = createScripts();
    const engine = await openEngine(server.url, scripts.jobs);
    try {
      await survive(engine, scripts, async () => {
        await server.close();
        server = await startEmbeddedPostgres({ dataDir, log });
      });
    } finally {
      await engine.close();
    }
  } finally {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});
