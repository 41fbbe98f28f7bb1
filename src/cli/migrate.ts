import type { Config } from '../config.ts';
import { migrate } from '../database/migrate.ts';
import { commandLog, withDatabaseUrl } from './open.ts';

/** `drgraph migrate`. */
export async function migrateCommand(config: Config): Promise<void> {
  const log = commandLog(config);
  const { applied } = await withDatabaseUrl(config, log, (url) => migrate({ url, log }));
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  process.stdout.write(applied.length === 0 ? 'The database is up to date.\n' : 'The database is up to date now.\n');
}
