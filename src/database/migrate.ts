import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { Logger } from 'pino';

/** The database has migrations that this program does not have. */
export class DatabaseTooNewError extends Error {
  override readonly name = 'DatabaseTooNewError';
}

/** A migration did not run, or an earlier one is recorded as failed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

interface RecordedMigration {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
  logs: string | null;
}

const defaultFolder = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));

/** The advisory lock of `prisma migrate deploy`: whichever of the two comes second waits. */
const prismaLock = 72_707_369;

/** As `prisma migrate deploy` makes it. */
const recordTable = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

export interface MigrateOptions {
  url: string;
  log: Logger;
  /** The folder of the migrations; the project's own when left out. */
  folder?: string;
}

/** Brings the database to the schema of this program, one transaction a migration; several processes may try at once. */
export async function migrate({ url, log, folder = defaultFolder }: MigrateOptions): Promise<{ applied: string[] }> {
  return withClient(url, log, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [prismaLock]);
    const pending = await pendingOf(client, await readMigrations(folder), log);
    if (pending.length > 0) await client.query(recordTable);
    for (const migration of pending) {
      await apply(client, migration);
      log.info({ migration: migration.name }, 'Migration applied');
    }
    return { applied: pending.map(({ name }) => name) };
  });
}

/** The migrations that the database lacks; refuses a database that this program does not understand. */
export async function pendingMigrations({ url, log, folder = defaultFolder }: MigrateOptions): Promise<string[]> {
  return withClient(url, log, async (client) => {
    const pending = await pendingOf(client, await readMigrations(folder), log);
    return pending.map(({ name }) => name);
  });
}

async function withClient<Result>(
  url: string,
  log: Logger,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: 'drgraph: migrate',
  });
  client.on('error', (error) => log.debug({ err: error }, 'The connection of the migrations broke'));
  await client.connect();
  try {
    return await work(client);
  } finally {
    // Gives the lock back too.
    await client.end();
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function pendingOf(client: Client, migrations: readonly Migration[], log: Logger): Promise<Migration[]> {
  const recorded = await readRecorded(client);
  if (recorded === undefined) {
    await refuseForeign(client);
    return [...migrations];
  }
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const unknown = recorded.filter(({ migration_name }) => !known.has(migration_name));
  if (unknown.length > 0) {
    throw new DatabaseTooNewError(
      `The database has migrations that this drgraph does not know: ${unknown.map((row) => row.migration_name).join(', ')}. ` +
        `A newer drgraph (or another program) made them. Start that version, or use another database.`,
    );
  }
  for (const row of recorded) {
    if (row.finished_at === null) {
      throw new MigrationError(
        `The migration ${row.migration_name} was begun earlier and did not finish${row.logs ? `: ${row.logs.trim()}` : ''}. ` +
          `Look what it left, put it right, and say so with "npx prisma migrate resolve --applied ${row.migration_name}" ` +
          `(or --rolled-back, to have it run again).`,
      );
    }
    if (row.checksum !== known.get(row.migration_name)?.checksum) {
      log.warn({ migration: row.migration_name }, 'A migration was changed after it was applied to this database');
    }
  }
  const applied = new Set(recorded.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !applied.has(name));
}

/** Undefined where nothing was ever recorded. */
async function readRecorded(client: Client): Promise<RecordedMigration[] | undefined> {
  const table = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('"_prisma_migrations"') IS NOT NULL AS exists`,
  );
  if (table.rows[0]?.exists !== true) return undefined;
  const { rows } = await client.query<RecordedMigration>(
    `SELECT migration_name, checksum, finished_at, logs FROM "_prisma_migrations"
      WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return rows;
}

async function refuseForeign(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
      WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
      ORDER BY relname LIMIT 5`,
  );
  if (rows.length === 0) return;
  throw new MigrationError(
    `The database is not drgraph's: it has tables (${rows.map((row) => row.name).join(', ')}) but no record of migrations. ` +
      `Give drgraph an empty database of its own in DATABASE_URL.`,
  );
}

async function apply(client: Client, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  const startedAt = new Date();
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, $4, clock_timestamp(), 1)`,
      [id, checksum, name, startedAt],
    );
    await client.query('COMMIT');
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    await client.query('ROLLBACK');
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, rolled_back_at, logs)
       VALUES ($1, $2, $3, $4, clock_timestamp(), $5)`,
      [id, checksum, name, startedAt, message],
    );
    throw new MigrationError(`The migration ${name} failed and was rolled back: ${message}`, { cause });
  }
}
