import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { Logger } from 'pino';
import {
  type Cluster,
  createData,
  hasData,
  isServing,
  openCluster,
  readServer,
  startServer,
  stopServer,
} from './cluster.ts';
import { hasCode } from './server-folder.ts';

/** A running embedded PostgreSQL, shared with every other process on the same data folder. */
export interface EmbeddedPostgres {
  url: string;
  /** Leaves the server running for its other users; the last one stops it. */
  close(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  dataDir: string;
  log: Logger;
  /** Further lines of the server's configuration. */
  settings?: Readonly<Record<string, string>>;
}

const database = 'drgraph';
/** Every user of the server holds this advisory lock, shared, for as long as it lives: even kill -9 gives it back. */
const usersLock = 0x6472_6772;
const startDeadlineMs = 120_000;
const pollMs = 50;

/**
 * Joins the server on the data folder, or starts it. Any number of processes may do so at once: PostgreSQL's own lock
 * lets one server run, and the others find it. While this process lives, a server that died is started again.
 */
export async function startEmbeddedPostgres({
  dataDir,
  log,
  settings = {},
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(dataDir, log, settings);
  const closing = new AbortController();
  if (!(await hasData(cluster))) await createData(cluster);
  let session = await join(cluster, closing.signal, log);
  let rejoining: Promise<void> | undefined;

  const watch = (client: Client) => {
    client.once('end', () => {
      if (!closing.signal.aborted) rejoining = rejoin();
    });
  };
  const rejoin = async () => {
    log.warn({ folder: cluster.folder.path }, 'The embedded PostgreSQL ended: starting it again');
    while (!closing.signal.aborted) {
      try {
        session = await join(cluster, closing.signal, log);
        watch(session);
        log.info('The embedded PostgreSQL runs again');
        return;
      } catch (error) {
        if (closing.signal.aborted) return;
        log.error({ err: error }, 'The embedded PostgreSQL does not start; it is tried again in 5 s');
        await delay(5_000, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  };
  watch(session);
  await createDatabase(session).catch(async (error: unknown) => {
    closing.abort();
    await leave(cluster, session, log);
    throw error;
  });
  const { host } = session;

  return {
    url: connectionUrl(host, database),
    close: async () => {
      closing.abort();
      await rejoining;
      await leave(cluster, session, log);
    },
  };
}

function connectionUrl(socketFolder: string, name: string): string {
  return `postgresql://drgraph@localhost/${name}?host=${encodeURIComponent(socketFolder)}`;
}

/** Returns a session that holds the users' lock. */
async function join(cluster: Cluster, signal: AbortSignal, log: Logger): Promise<Client> {
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    signal.throwIfAborted();
    const server = await readServer(cluster);
    if (server !== undefined && (await isServing(cluster, server))) {
      const session = await enter(cluster, server.socketFolder, log);
      if (session !== undefined) return session;
    } else if (await startServer(cluster)) {
      continue;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `The embedded PostgreSQL in ${cluster.folder.path}${server === undefined ? '' : ` (process ${server.pid})`} neither ` +
          `answers nor ends. See server.log there; end that process.`,
      );
    }
    await delay(pollMs, undefined, { signal });
  }
}

/** Undefined while the server is starting or stopping. */
async function enter(cluster: Cluster, socketFolder: string, log: Logger): Promise<Client | undefined> {
  const client = new Client({
    host: socketFolder,
    user: 'drgraph',
    database: 'postgres',
    connectionTimeoutMillis: 10_000,
    application_name: 'drgraph: user of the server',
  });
  client.on('error', (error) => log.debug({ err: error }, 'The session that holds the embedded PostgreSQL ended'));
  try {
    await client.connect();
    const { rows } = await client.query<{ held: boolean; folder: string }>(
      `SELECT pg_try_advisory_lock_shared($1) AS held, current_setting('data_directory') AS folder`,
      [usersLock],
    );
    const [row] = rows;
    if (row === undefined || (await realpath(row.folder)) !== (await realpath(cluster.data))) {
      throw new Error(`The PostgreSQL server at ${socketFolder} serves ${row?.folder}, not ${cluster.data}.`);
    }
    if (row.held) return client;
    // Its last user is stopping it.
    await client.end();
  } catch (error) {
    await client.end().catch(() => undefined);
    if (!isStartingOrStopping(error)) throw error;
  }
  return undefined;
}

function isStartingOrStopping(error: unknown): boolean {
  const codes = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03'];
  return codes.some((code) => hasCode(error, code)) || String(error).includes('Connection terminated');
}

/** Made by whoever comes first to a new cluster. */
async function createDatabase(session: Client): Promise<void> {
  const known = await session.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
  if (known.rowCount !== 0) return;
  try {
    await session.query(`CREATE DATABASE ${database}`);
  } catch (error) {
    // Another process made it in the meantime.
    if (!hasCode(error, '42P04') && !hasCode(error, '23505')) throw error;
  }
}

/** Whoever gets the lock alone is the last user; a process that comes in meanwhile waits until the server is gone. */
async function leave(cluster: Cluster, session: Client, log: Logger): Promise<void> {
  try {
    await session.query('SELECT pg_advisory_unlock_shared($1)', [usersLock]);
    const { rows } = await session.query<{ alone: boolean }>('SELECT pg_try_advisory_lock($1) AS alone', [usersLock]);
    if (rows[0]?.alone === true) await stopServer(cluster);
  } catch (error) {
    log.warn({ err: error }, 'The embedded PostgreSQL could not be left in order; the next start takes it over');
  } finally {
    await session.end().catch((error: unknown) => log.debug({ err: error }, 'The session had ended already'));
  }
}
