import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Config, ConfigError, withoutPassword } from '../config.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { pendingMigrations } from '../database/migrate.ts';
import { commandLog, withDatabaseUrl } from './open.ts';

/** One thing that was looked at. `advice` says what to do; `isWrong` that drgraph does not work well without it. */
interface Finding {
  about: string;
  text: string;
  advice?: string;
  isWrong?: boolean;
}

type Report = (finding: Finding) => void;

/** `drgraph doctor`: prints what it finds as it goes; returns whether all is well. */
export async function doctorCommand(readConfig: () => Config): Promise<boolean> {
  let wrong = 0;
  const report: Report = ({ about, text, advice, isWrong = false }) => {
    if (isWrong) wrong += 1;
    const state = isWrong ? 'WRONG' : advice === undefined ? 'ok' : 'note';
    process.stdout.write(`${state.padEnd(6)} ${about.padEnd(14)} ${text}\n`);
    if (advice !== undefined) process.stdout.write(`${' '.repeat(22)}${advice}\n`);
  };
  const config = checkConfig(readConfig, report);
  if (config !== undefined) {
    await checkDataDir(config, report);
    await checkDatabase(config, report);
  }
  process.stdout.write(
    wrong === 0 ? '\nAll is well.\n' : `\n${wrong === 1 ? 'One thing is' : `${wrong} things are`} wrong.\n`,
  );
  return wrong === 0;
}

function checkConfig(readConfig: () => Config, report: Report): Config | undefined {
  try {
    const config = readConfig();
    const database = config.databaseUrl === undefined ? 'embedded database' : withoutPassword(config.databaseUrl);
    report({ about: 'configuration', text: `${config.host}:${config.port}, data in ${config.dataDir}, ${database}` });
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { variable, was, mayBe } of error.problems) {
      report({ about: 'configuration', text: `${variable} is ${was}`, advice: `It may be ${mayBe}.`, isWrong: true });
    }
    return undefined;
  }
}

async function checkDataDir({ dataDir }: Config, report: Report): Promise<void> {
  const about = 'data folder';
  const existing = await nearestFolder(dataDir);
  if (!(await isWritable(existing))) {
    const advice = 'Give the user that runs drgraph the right to write there, or choose another DRGRAPH_DATA_DIR.';
    report({ about, text: `${existing} cannot be written`, advice, isWrong: true });
  } else if (existing !== dataDir) {
    report({ about, text: `${dataDir} does not exist yet`, advice: 'The first start makes it.' });
  } else {
    report({ about, text: `${dataDir} can be written` });
  }
  await checkSpace('data folder', existing, report);
}

const gibibyte = 1024 ** 3;
const leastFreeBytes = gibibyte;
const comfortableShare = 0.05;

async function checkSpace(about: string, folder: string, report: Report): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const text = `${(free / gibibyte).toFixed(1)} GiB of ${((blocks * bsize) / gibibyte).toFixed(1)} GiB free at ${folder}`;
  if (free < leastFreeBytes) {
    report({ about, text, advice: 'Free some space before the next synchronisation: it would fail.', isWrong: true });
  } else if (free < blocks * bsize * comfortableShare) {
    report({ about, text, advice: 'Less than 5 % is free: plan for more space.' });
  } else {
    report({ about, text });
  }
}

async function checkDatabase(config: Config, report: Report): Promise<void> {
  const about = 'database';
  if (config.databaseUrl === undefined && !(await exists(join(config.dataDir, 'postgres')))) {
    report({ about, text: 'there is no embedded database yet', advice: 'The first start makes it.' });
    return;
  }
  const log = commandLog(config);
  try {
    await withDatabaseUrl(config, log, async (url) => {
      const database = await openDatabase({ url, log, poolSize: 2 });
      try {
        await reportServer(database, report);
        if (await checkMigrations(database, config, report)) await checkContents(database, report);
      } finally {
        await database.close();
      }
    });
  } catch (error) {
    const advice =
      config.databaseUrl === undefined ? 'See the message.' : 'Check that PostgreSQL runs, and DATABASE_URL.';
    report({ about, text: messageOf(error), advice, isWrong: true });
  }
}

const oldestServer = 140_000;

async function reportServer({ pool }: Database, report: Report): Promise<void> {
  const { rows } = await pool.query<{ version: string; number: number; size: string; folder: string | null }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            pg_size_pretty(pg_database_size(current_database())) AS size`,
  );
  for (const { version, number, size } of rows) {
    const text = `PostgreSQL ${version} answers, ${size}`;
    const old = { advice: 'drgraph needs PostgreSQL 14 or newer.', isWrong: true };
    report({ about: 'database', text, ...(number < oldestServer ? old : {}) });
  }
}

/** Returns whether the tables are there to be read. */
async function checkMigrations({ url }: Database, config: Config, report: Report): Promise<boolean> {
  const about = 'migrations';
  try {
    const pending = await pendingMigrations({ url, log: commandLog(config) });
    if (pending.length === 0) {
      report({ about, text: 'the schema is that of this version' });
      return true;
    }
    const advice = 'The next start applies them, or "drgraph migrate".';
    report({ about, text: `to be applied: ${pending.join(', ')}`, advice });
  } catch (error) {
    report({ about, text: messageOf(error), isWrong: true });
  }
  return false;
}

async function checkContents({ prisma }: Database, report: Report): Promise<void> {
  const users = await prisma.user.findMany({ where: { disabledAt: null }, select: { roles: true } });
  const administrators = users.filter((user) => user.roles.includes('ADMINISTRATOR'));
  if (administrators.length === 0) {
    const advice = 'Create one with "drgraph user create <name> --role ADMINISTRATOR OPERATOR".';
    report({ about: 'users', text: 'nobody is an administrator', advice });
  } else {
    report({ about: 'users', text: `${users.length}, of them ${administrators.length} administrators` });
  }
  const sites = await prisma.site.findMany({
    where: { removedAt: null, path: { not: null } },
    select: { name: true, path: true },
    orderBy: { name: 'asc' },
  });
  for (const { name, path } of sites) if (path !== null) await checkSite(name, path, report);
}

async function checkSite(name: string, path: string, report: Report): Promise<void> {
  const about = `site ${name}`;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    const advice = 'Bring the folder back (is its disk mounted?), or remove the site in the API (removeSite).';
    report({ about, text: `${path} does not exist on this machine`, advice, isWrong: true });
  } else if (!found.isDirectory()) {
    report({ about, text: `${path} is not a folder`, advice: 'Put the folder back in its place.', isWrong: true });
  } else if (!(await isWritable(path))) {
    const advice = 'Give the user that runs drgraph the right to read and write there.';
    report({ about, text: `${path} cannot be written`, advice, isWrong: true });
  } else {
    await checkSpace(about, path, report);
  }
}

async function nearestFolder(path: string): Promise<string> {
  return (await exists(path)) || path === dirname(path) ? path : nearestFolder(dirname(path));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
