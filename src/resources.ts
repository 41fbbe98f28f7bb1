import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { createLocalConnector } from './connectors/local/connector.ts';
import { createRegistry } from './connectors/registry.ts';
import { type Database, openDatabase } from './database/database.ts';
import { startEmbeddedPostgres } from './database/embedded.ts';
import { migrate } from './database/migrate.ts';
import type { Domain, Tx } from './domain/context.ts';
import { ensureLocalProvider } from './domain/local-provider.ts';
import { reconcileStores } from './domain/reconcile-stores.ts';
import { createSample } from './domain/sample.ts';
import { ensureAdministrator } from './domain/user.ts';
import { createTaskQueue } from './engine/queue.ts';
import { startWorker, type Worker } from './engine/worker.ts';
import { type EventBus, startEventBus } from './events/bus.ts';
import { createJobs } from './jobs/jobs.ts';
import { openSecretKey } from './secret-key.ts';

/** Everything that runs beneath the API. */
export interface Resources extends AsyncDisposable {
  database: Database;
  domain: Domain;
  events: EventBus;
  worker: Worker;
  /** The administrator that this start made, with the password if it was generated; null when there were users. */
  administrator: { username: string; generatedPassword: string | null } | null;
  /** Whether this start made the sample. */
  madeSample: boolean;
  /** Stops claiming tasks and hands those under way back. Also done by closing. */
  stopWork(): Promise<void>;
  /** Closes all in reverse order; can be called again. */
  close(): Promise<void>;
}

/** A database that is ready for this program, with what to close behind it. */
export interface ConfiguredDatabase extends AsyncDisposable {
  database: Database;
  isEmbedded: boolean;
}

/** Opens the configured or the embedded database, migrated. Whatever was opened is closed again when a later step fails. */
export async function openConfiguredDatabase(config: Config, log: Logger): Promise<ConfiguredDatabase> {
  await using opening = new AsyncDisposableStack();
  let { databaseUrl } = config;
  if (databaseUrl === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
    opening.defer(() => embedded.close());
    databaseUrl = embedded.url;
  }
  await migrate({ url: databaseUrl, log });
  const database = await openDatabase({ url: databaseUrl, log });
  opening.defer(() => database.close());
  const opened = opening.move();
  return { database, isEmbedded: config.databaseUrl === undefined, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Opens everything in order. Whatever was opened is closed again when a later step fails. */
export async function openResources(config: Config, log: Logger): Promise<Resources> {
  await using opening = new AsyncDisposableStack();
  const serviceKey = await openSecretKey({ configured: config.secretKey, dataDir: config.dataDir });
  const { database, isEmbedded } = opening.use(await openConfiguredDatabase(config, log));
  const { prisma, pool, heartbeatPool, transactions, url } = database;

  const connector = createRegistry([createLocalConnector({ serviceKey })]);
  const jobs = createJobs({ prisma, connector });
  const events = await startEventBus({ pool, listenUrl: url, log });
  opening.defer(() => events.close());
  const tasks = createTaskQueue<Tx>({ pool, transactions, events, jobs, log });
  opening.defer(() => tasks.close());
  const domain: Domain = { prisma, tasks, sql: transactions.sql, connector };

  const administrator = await ensureAdministrator(domain, config.adminPassword);
  await ensureLocalProvider(domain);
  const madeSample = config.sample === 'auto' && isEmbedded && (await createSample(domain, config.dataDir));

  const worker = await startWorker<Tx>({ pool, heartbeatPool, transactions, events, jobs, log });
  let stopping: Promise<void> | undefined;
  const stopWork = () => {
    stopping ??= worker.stop();
    return stopping;
  };
  opening.defer(stopWork);

  // Looking at every store may take minutes; nothing waits for it, and a stop cuts it short.
  const reconciling = reconcileInBackground(domain, log);
  opening.defer(() => reconciling.leave());

  const opened = opening.move();
  const close = () => opened.disposeAsync();
  return { database, domain, events, worker, administrator, madeSample, stopWork, close, [Symbol.asyncDispose]: close };
}

/** How long a stop waits for a comparison under way to notice it; what is cut off is made anew at the next start. */
const reconciliationGraceMs = 3_000;

function reconcileInBackground(domain: Domain, log: Logger): { leave(): Promise<void> } {
  const leaving = new AbortController();
  const reconciling = reconcileStores(domain, leaving.signal).then(
    (found) => {
      if (!leaving.signal.aborted) log.info(found, 'the stores were compared with the database');
    },
    (error: unknown) => {
      if (!leaving.signal.aborted) log.error({ err: error }, 'the stores could not be compared with the database');
    },
  );
  return {
    async leave() {
      leaving.abort();
      // A file system that hangs must not keep the service from ending.
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, reconciliationGraceMs);
      await Promise.race([reconciling, late]);
      clearTimeout(timer);
    },
  };
}
