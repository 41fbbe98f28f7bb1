import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';

const log = pino({ level: 'silent' });
let dataDir: string;
let server: EmbeddedPostgres;
let database: Database;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'drgraph-restart-'));
  await chmod(dataDir, 0o755);
  server = await startEmbeddedPostgres({ dataDir, log, settings: { fsync: 'off' } });
  await migrate({ url: server.url, log });
  database = await openDatabase({ url: server.url, log });
});
afterAll(async () => {
  await database.close();
  await server.close();
  await rm(dataDir, { recursive: true });
});

test.each(['SIGKILL', 'SIGINT'] as const)(
  'work fails while the server restarts (%s), and goes on afterwards',
  async (signal) => {
    const { pool, prisma, transactions } = database;
    const kinds: Record<string, () => Promise<unknown>> = {
      prisma: () => prisma.user.findMany(),
      transaction: () =>
        transactions.run(async (tx) => {
          await transactions.sql(tx).query('SELECT pg_sleep(0.01)::text', []);
          await tx.site.count();
        }),
      pool: () => pool.query('SELECT pg_sleep(0.01)'),
      client: async () => {
        const client = await pool.connect();
        try {
          await client.query('BEGIN');
          await client.query('SELECT pg_sleep(0.01)');
          await client.query('COMMIT');
        } finally {
          client.release();
        }
      },
    };
    const seen = new Map<string, ('done' | 'failed')[]>();
    let stop = false;
    const load = Object.entries(kinds).flatMap(([kind, work]) =>
      [1, 2, 3].map(async () => {
        const outcomes: ('done' | 'failed')[] = [];
        seen.set(`${kind} ${seen.size}`, outcomes);
        while (!stop) {
          const outcome = await work().then(
            () => 'done' as const,
            () => 'failed' as const,
          );
          if (outcomes.at(-1) !== outcome) outcomes.push(outcome);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    const everyone = (test: (outcomes: string[]) => boolean) => () =>
      seen.size === load.length && [...seen.values()].every(test);
    try {
      await expect
        .poll(
          everyone((outcomes) => outcomes.at(-1) === 'done'),
          { timeout: 10_000 },
        )
        .toBe(true);
      const [pid] = (await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), signal);
      await expect
        .poll(
          everyone((outcomes) => outcomes.includes('failed')),
          { timeout: 10_000 },
        )
        .toBe(true);
      await expect
        .poll(
          everyone((outcomes) => outcomes.at(-1) === 'done'),
          { timeout: 30_000 },
        )
        .toBe(true);
    } finally {
      stop = true;
      await Promise.all(load);
    }
  },
);

test('a database that is not there is named, without its password', async () => {
  const url = 'postgresql://someone:hunter2@127.0.0.1:1/nowhere';
  const opened = openDatabase({ url, log });
  await expect(opened).rejects.toThrow('The database nowhere at 127.0.0.1:1 does not answer: connect ECONNREFUSED');
  await expect(opened).rejects.not.toThrow('hunter2');
});
