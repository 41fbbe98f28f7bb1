import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseTooNewError, MigrationError, migrate, pendingMigrations } from '../../src/database/migrate.ts';
import { emptyDatabase } from '../support/database.ts';

const log = pino({ level: 'silent' });
const own = join(import.meta.dirname, '..', '..', 'prisma', 'migrations');

let url: string;
let drop: () => Promise<void>;
let client: Client;
let folder: string;

beforeEach(async () => {
  const database = await emptyDatabase();
  ({ url, drop } = database);
  client = new Client({ connectionString: url });
  await client.connect();
  folder = await mkdtemp(join(tmpdir(), 'drgraph-migrations-'));
});
afterEach(async () => {
  await client.end();
  await drop();
  await rm(folder, { recursive: true });
});

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, 'migration.sql'), sql);
}

/** Runs a script of Prisma's engine on the database and returns what it printed. */
async function prismaScript(path: string, databaseUrl: string): Promise<string> {
  const env = { ...process.env, DATABASE_URL: databaseUrl };
  return (await promisify(execFile)(process.execPath, [path], { env })).stdout;
}

async function rows<Row extends object>(text: string): Promise<Row[]> {
  return (await client.query<Row>(text)).rows;
}

describe('a new database', () => {
  test('is brought to the newest schema once, however many processes try at once', async () => {
    const names = (await readdir(own)).filter((name) => /^\d/.test(name)).sort();
    const results = await Promise.all([1, 2, 3].map(() => migrate({ url, log })));
    expect(results.map(({ applied }) => applied).sort((a, b) => b.length - a.length)).toEqual([names, [], []]);
    expect(await rows('SELECT "lastPosition"::int FROM "EventLog"')).toEqual([{ lastPosition: 0 }]);
    expect(await pendingMigrations({ url, log })).toEqual([]);
  });

  test('records each migration as Prisma does', async () => {
    await migrate({ url, log });
    const recorded = await rows<{ migration_name: string; checksum: string }>(
      `SELECT *, started_at <= finished_at AS ordered FROM "_prisma_migrations" ORDER BY migration_name`,
    );
    const [first] = recorded;
    const sql = await readFile(join(own, first?.migration_name ?? '', 'migration.sql'));
    expect(first).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/),
      checksum: createHash('sha256').update(sql).digest('hex'),
      finished_at: expect.any(Date),
      logs: null,
      rolled_back_at: null,
      applied_steps_count: 1,
      ordered: true,
    });
  });

  test('may be migrated by Prisma or by drgraph, and the other finds nothing left to do', async () => {
    const deploy = join(import.meta.dirname, 'prisma-deploy.js');
    const table = `SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = '"_prisma_migrations"'::regclass AND attnum > 0 ORDER BY attnum`;
    const records = `SELECT migration_name, checksum, logs, applied_steps_count, rolled_back_at FROM "_prisma_migrations"`;
    const { applied } = await migrate({ url, log });
    expect(JSON.parse(await prismaScript(deploy, url))).toEqual([]);
    const theirs = await emptyDatabase();
    const other = new Client({ connectionString: theirs.url });
    await other.connect();
    try {
      expect(JSON.parse(await prismaScript(deploy, theirs.url))).toEqual(applied);
      expect(await migrate({ url: theirs.url, log })).toEqual({ applied: [] });
      for (const query of [table, records]) expect(await rows(query)).toEqual((await other.query(query)).rows);
    } finally {
      await other.end();
      await theirs.drop();
    }
  });

  test('is left as it was when a migration fails, and the failure does not keep a mended one from running', async () => {
    await addMigration('1_good', 'CREATE TABLE good (id int)');
    await addMigration('2_bad', 'CREATE TABLE half (id int); SELECT * FROM nothing;');
    await expect(migrate({ url, log, folder })).rejects.toThrow(
      new MigrationError('The migration 2_bad failed and was rolled back: relation "nothing" does not exist'),
    );
    expect(await rows(`SELECT to_regclass('good') AS good, to_regclass('half') AS half`)).toEqual([
      { good: 'good', half: null },
    ]);
    expect(await pendingMigrations({ url, log, folder })).toEqual(['2_bad']);
    await writeFile(join(folder, '2_bad', 'migration.sql'), 'CREATE TABLE half (id int)');
    expect(await migrate({ url, log, folder })).toEqual({ applied: ['2_bad'] });
    const recorded = await rows(
      `SELECT migration_name AS name, rolled_back_at IS NOT NULL AS undone, logs, applied_steps_count AS steps
         FROM "_prisma_migrations" ORDER BY started_at`,
    );
    expect(recorded).toEqual([
      { name: '1_good', undone: false, logs: null, steps: 1 },
      { name: '2_bad', undone: true, logs: 'relation "nothing" does not exist', steps: 0 },
      { name: '2_bad', undone: false, logs: null, steps: 1 },
    ]);
  });
});

describe('a database that is refused', () => {
  test('has migrations of a newer program: they are named', async () => {
    await cp(own, folder, { recursive: true });
    await addMigration('29990101000000_future', 'CREATE TABLE future (id int)');
    await migrate({ url, log, folder });
    await expect(migrate({ url, log })).rejects.toThrow(DatabaseTooNewError);
    await expect(pendingMigrations({ url, log })).rejects.toThrow(/29990101000000_future.*newer drgraph/);
  });

  test('has a migration that was begun and did not end: it says how to go on', async () => {
    await migrate({ url, log });
    await client.query(`UPDATE "_prisma_migrations" SET finished_at = NULL, logs = 'it broke'`);
    await expect(migrate({ url, log })).rejects.toThrow(/did not finish: it broke.*prisma migrate resolve/);
  });

  test('has tables of somebody else: they are named, and nothing is added', async () => {
    await client.query('CREATE TABLE invoice (id int)');
    await expect(migrate({ url, log })).rejects.toThrow(/not drgraph's.*invoice.*DATABASE_URL/);
    expect(
      await rows(`SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`),
    ).toEqual([{ relname: 'invoice' }]);
  });
});

describe('the migrations', () => {
  const catalog = {
    columns: `SELECT relname || '.' || attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
        pg_get_expr(adbin, adrelid) AS default
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        AND relname <> '_prisma_migrations' ORDER BY 1`,
    constraints: `SELECT conrelid::regclass || '.' || conname AS name, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        AND conrelid <> coalesce(to_regclass('"_prisma_migrations"'), 0) AND contype <> 'n' ORDER BY 1`,
    indexes: `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
      WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1`,
    sequences: `SELECT sequencename AS name, data_type::text AS type FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1`,
  };
  /** What Prisma's schema language cannot say. */
  const extraIndexes = [
    'Event_unsequenced_idx',
    'Replication_virtualMachineId_destinationSiteId_key',
    'Site_providerId_name_key',
    'Task_active_idx',
    'Task_claim_idx',
    'Task_due_idx',
    'Task_entityKey_active_key',
    'Task_failed_idx',
    'Task_lease_idx',
    'Task_nativeId_idx',
    'Task_operationId_idx',
    'Task_startBefore_idx',
    'Task_waiting_idx',
  ];

  test('make what schema.prisma says, and the named indexes besides', async () => {
    const described = await emptyDatabase();
    const other = new Client({ connectionString: described.url });
    await other.connect();
    try {
      await other.query(await prismaScript(join(own, '..', 'diff.js'), described.url));
      await migrate({ url, log });
      for (const [kind, query] of Object.entries(catalog)) {
        const migrated = await rows<{ name: string }>(query);
        const expected = (await other.query<{ name: string }>(query)).rows;
        expect(expected.length).toBeGreaterThan(0);
        expect(migrated.filter(({ name }) => !extraIndexes.includes(name))).toEqual(expected);
        if (kind === 'indexes') expect(migrated).toHaveLength(expected.length + extraIndexes.length);
      }
    } finally {
      await other.end();
      await described.drop();
    }
  });
});
