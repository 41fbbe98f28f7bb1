import { execFile } from 'node:child_process';
import {
  chown,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { hasCode, ignoring, openServerFolder, openSocketFolder, type ServerFolder } from './server-folder.ts';
import { findServerPrograms } from './server-programs.ts';
import { runningAs } from './server-user.ts';

const run = promisify(execFile);

/** One PostgreSQL cluster on disk, with the programs that run it. */
export interface Cluster {
  folder: ServerFolder;
  /** The folder of PostgreSQL's data files. */
  data: string;
  programs: string;
  /** The main version of PostgreSQL, which its data files must have too. */
  major: string;
  settings: Readonly<Record<string, string>>;
}

/** What postmaster.pid says: which process serves the data, and where its socket is. */
export interface RunningServer {
  pid: number;
  socketFolder: string;
}

/** A small machine's PostgreSQL that is reached through its socket alone. */
const defaultSettings: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '200',
  shared_buffers: '128MB',
  effective_cache_size: '512MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  min_wal_size: '80MB',
  max_wal_size: '512MB',
  wal_compression: 'on',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  // Tasks and events are rewritten often: small and frequent cleaning keeps their indexes short.
  autovacuum_naptime: '20s',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_max_workers: '2',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
};

/** Finds or prepares everything that a server on this data folder needs; starts nothing. */
export async function openCluster(
  dataDir: string,
  log: Logger,
  settings: Readonly<Record<string, string>>,
): Promise<Cluster> {
  const folder = await openServerFolder(dataDir, log);
  const { programs, major } = await findServerPrograms(folder);
  return { folder, data: join(folder.path, 'data'), programs, major, settings };
}

/** What postmaster.pid names, whether it still runs or not. */
export async function readServer(cluster: Cluster): Promise<RunningServer | undefined> {
  const text = await readFile(join(cluster.data, 'postmaster.pid'), 'utf8').catch(ignoring('ENOENT'));
  const lines = text?.split('\n') ?? [];
  const [pid, socketFolder] = [Number(lines[0]), lines[4]];
  return Number.isInteger(pid) && pid > 0 && socketFolder ? { pid, socketFolder } : undefined;
}

/**
 * Whether that process serves this data. After a restart of the machine or container its id may be a stranger's, and
 * one that nobody waited for stays behind as a zombie.
 */
export async function isServing(cluster: Cluster, { pid }: RunningServer): Promise<boolean> {
  if (!exists(pid)) return false;
  // Only Linux has /proc, and it shows the folder to root and to the process's own user alone.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(ignoring('ENOENT', 'ESRCH', 'EACCES', 'EPERM'));
  if (folder !== undefined) return folder === (await realpath(cluster.data));
  const listed = await run('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return /postgres/.test(listed.stdout) && !/defunct/.test(listed.stdout);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    if (hasCode(error, 'EPERM')) return true;
    throw error;
  }
}

/** Whether there are data files, of this main version. */
export async function hasData({ data, major }: Cluster): Promise<boolean> {
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(ignoring('ENOENT')))?.trim();
  if (version === undefined || version === major) return version !== undefined;
  throw new Error(
    `The data in ${data} was made by PostgreSQL ${version}, and this drgraph brings ${major}. ` +
      `Dump it with PostgreSQL ${version} and load it into a new data folder.`,
  );
}

/** Starts the server on its data. Returns false where another process was faster, or the last server is still ending. */
export async function startServer(cluster: Cluster): Promise<boolean> {
  await removeForeignPid(cluster);
  await configure(cluster, await openSocketFolder(cluster.folder));
  const logged = await openLog(cluster);
  const { user, path } = cluster.folder;
  // Relative paths: pg_ctl hands its arguments to a shell, and a data folder may have any name.
  const command = ['start', '-w', '-s', '-t', '60', '-D', 'data', '-l', 'server.log'];
  try {
    const options = { cwd: path, env: serverEnvironment, ...runningAs(user) };
    await run(join(cluster.programs, 'bin', 'pg_ctl'), command, options);
    return true;
  } catch (cause) {
    const server = await readServer(cluster);
    if (server !== undefined && (await isServing(cluster, server))) return false;
    const tail = await logSince(cluster, logged);
    // After kill -9 of the server alone, its children hold the shared memory for a moment.
    if (tail.includes('still in use')) return false;
    const log = join(path, 'server.log');
    throw new Error(
      `The embedded PostgreSQL in ${path} did not start.\n${reason(cause)}\nThe end of ${log}:\n${tail}`,
      { cause },
    );
  }
}

/** Ends the server and its sessions; waits until it is gone. */
export async function stopServer(cluster: Cluster): Promise<void> {
  await run(join(cluster.programs, 'bin', 'pg_ctl'), ['stop', '-w', '-s', '-m', 'fast', '-t', '30', '-D', 'data'], {
    cwd: cluster.folder.path,
    env: serverEnvironment,
    ...runningAs(cluster.folder.user),
  });
}

/** Neither PGOPTIONS and its like nor the locale of whoever starts the server. */
const serverEnvironment = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };

/** Made beside and renamed, so that a half-made cluster is never found; when two processes make one, one is kept. */
export async function createData(cluster: Cluster): Promise<void> {
  const { data, folder } = cluster;
  await removeHalfMade(folder.path);
  const temporary = await mkdtemp(join(folder.path, `data.new-${process.pid}-`));
  if (folder.user !== undefined) await chown(temporary, folder.user.uid, folder.user.gid);
  const options = ['-U', 'drgraph', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--locale-provider=builtin'];
  try {
    await run(
      join(cluster.programs, 'bin', 'initdb'),
      ['-D', basename(temporary), ...options, '--builtin-locale=C.UTF-8', '--no-instructions', ...syncOption(cluster)],
      { cwd: folder.path, env: serverEnvironment, ...runningAs(folder.user) },
    );
    const own = join(temporary, 'postgresql.conf');
    await writeFile(
      own,
      `${await readFile(own, 'utf8')}\ninclude_if_exists = 'drgraph.conf'\n# Your own settings go below.\n`,
    );
    await rename(temporary, data);
    await flush(folder.path);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    if (hasCode(cause, 'ENOTEMPTY') || hasCode(cause, 'EEXIST')) return;
    throw new Error(`The embedded PostgreSQL could not make its data folder ${data}.\n${reason(cause)}`, { cause });
  }
}

/** What a process left that was killed while it made a cluster. */
async function removeHalfMade(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const maker = /^data\.new-(\d+)-/.exec(name)?.[1];
    if (maker !== undefined && !exists(Number(maker))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function syncOption({ settings }: Cluster): string[] {
  return settings.fsync === 'off' ? ['--no-sync'] : [];
}

async function flush(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/**
 * A restart of the container or machine gives out the same ids again: PostgreSQL then takes a stranger for its old self
 * and refuses to start. The file of a process that is gone is left to PostgreSQL, which knows how to replace it.
 */
async function removeForeignPid(cluster: Cluster): Promise<void> {
  const server = await readServer(cluster);
  if (server === undefined || !exists(server.pid) || (await isServing(cluster, server))) return;
  await rm(join(server.socketFolder, '.s.PGSQL.5432.lock'), { force: true });
  await rm(join(cluster.data, 'postmaster.pid'), { force: true });
}

/** Written at every start, so that a newer program brings its settings; changes belong into postgresql.conf. */
async function configure(cluster: Cluster, socketFolder: string): Promise<void> {
  const quote = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const settings = {
    ...defaultSettings,
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    ...cluster.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}\n`);
  const temporary = join(cluster.folder.path, `settings.${process.pid}`);
  await writeFile(temporary, `# Written by drgraph at every start.\n${lines.join('')}`, { mode: 0o644 });
  await rename(temporary, join(cluster.data, 'drgraph.conf'));
}

const logLimit = 8 * 1024 * 1024;

/** Sets an old log aside, and returns where the next lines begin. */
async function openLog({ folder }: Cluster): Promise<number> {
  const path = join(folder.path, 'server.log');
  const size = (await stat(path).catch(ignoring('ENOENT')))?.size ?? 0;
  if (size <= logLimit) return size;
  await rename(path, `${path}.1`).catch(ignoring('ENOENT'));
  return 0;
}

async function logSince({ folder }: Cluster, start: number): Promise<string> {
  const text = await readFile(join(folder.path, 'server.log')).catch(ignoring('ENOENT'));
  return text?.subarray(start).toString().trimEnd().split('\n').slice(-12).join('\n') ?? '';
}

function reason(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return output === '' ? String(error) : output;
}
