import pino, { type Logger } from 'pino';
import type { Config } from '../config.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { startEmbeddedPostgres } from '../database/embedded.ts';
import { migrate } from '../database/migrate.ts';

/** What goes wrong beside a command is told on stderr; what goes well is not. */
export function commandLog(config: Config): Logger {
  return pino(
    { level: config.logLevel === 'info' ? 'warn' : config.logLevel },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** Runs work with the URL of the configured database; the embedded one is joined, or started for as long as it takes. */
export async function withDatabaseUrl<Result>(
  config: Config,
  log: Logger,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  if (config.databaseUrl !== undefined) return work(config.databaseUrl);
  const server = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
  try {
    return await work(server.url);
  } finally {
    await server.close();
  }
}

/** Runs work with the configured database, migrated. */
export async function withDatabase<Result>(
  config: Config,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const log = commandLog(config);
  return withDatabaseUrl(config, log, async (url) => {
    await migrate({ url, log });
    const database = await openDatabase({ url, log, poolSize: 2 });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  });
}
