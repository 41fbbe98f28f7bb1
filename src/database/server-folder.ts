import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rm,
  rmdir,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { canEnter, type ServerUser, usersInsteadOfRoot } from './server-user.ts';

/** Where an embedded server lives, and as whom it runs. */
export interface ServerFolder {
  /** Belongs to the server's user, 0700: `data`, `server.log`, `socket`, sometimes a copy of the programs. */
  path: string;
  user: ServerUser | undefined;
}

const durableFolder = '/var/lib/drgraph';

/**
 * Makes `<dataDir>/postgres` usable by the user that the server runs as. A process of root that finds no user who can
 * reach the data folder (a project under root's own 0700 home) keeps the database in /var/lib/drgraph, and leaves a
 * symbolic link to it in the data folder.
 */
export async function openServerFolder(dataDir: string, log: Logger): Promise<ServerFolder> {
  await mkdir(dataDir, { recursive: true });
  const wanted = join(await realpath(dataDir), 'postgres');
  const uid = process.getuid?.();
  return uid === 0 ? folderForRoot(wanted, log) : ownFolder(wanted, uid);
}

async function ownFolder(wanted: string, uid: number | undefined): Promise<ServerFolder> {
  await mkdir(wanted, { recursive: true, mode: 0o700 });
  const path = await realpath(wanted);
  const owner = (await stat(path)).uid;
  if (owner !== uid) {
    throw new Error(
      `The database in ${path} belongs to the system user with id ${owner}, and this process runs as ${uid}. ` +
        `Run drgraph as that user or as root, or choose another DRGRAPH_DATA_DIR.`,
    );
  }
  return { path, user: undefined };
}

async function folderForRoot(wanted: string, log: Logger): Promise<ServerFolder> {
  const existing = await ownerOf(wanted);
  if (existing !== undefined && existing.uid !== 0) {
    const path = await realpath(wanted);
    await letEnter(existing, dirname(wanted));
    if (!(await canEnter(existing, path))) {
      throw new Error(
        `The database in ${path} belongs to the system user with id ${existing.uid}, who cannot enter that folder. ` +
          `Give that user the right to pass through every folder above it (chmod o+x).`,
      );
    }
    return { path, user: existing };
  }
  await refuseDeadLink(wanted);
  const users = [...(await usersInsteadOfRoot()), ...(await ownersAbove(wanted))];
  for (const user of users) {
    if (await letEnter(user, dirname(wanted))) {
      await mkdir(wanted, { recursive: true, mode: 0o700 });
      // All of it: a copy that root brought back from a backup is root's.
      await chownAll(wanted, user);
      await chmod(wanted, 0o700);
      return { path: wanted, user };
    }
  }
  const [user] = users;
  if (user === undefined) {
    throw new Error(
      'PostgreSQL does not run as root, and this process may not start programs as another user. ' +
        'Run drgraph as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  return relocated(wanted, user, log);
}

/** The data folder is drgraph's own: it may be opened for passing through. What lies above it is left as it is. */
async function letEnter(user: ServerUser, dataDir: string): Promise<boolean> {
  if (await canEnter(user, dataDir)) return true;
  if (!(await canEnter(user, dirname(dataDir)))) return false;
  await chmod(dataDir, ((await stat(dataDir)).mode & 0o7777) | 0o111);
  return canEnter(user, dataDir);
}

/** A project under an ordinary user's closed home, run by root: that user can reach it. */
async function ownersAbove(folder: string): Promise<ServerUser[]> {
  const owners: ServerUser[] = [];
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    const { uid, gid } = await stat(above);
    if (uid !== 0 && !owners.some((owner) => owner.uid === uid)) owners.push({ uid, gid });
  }
  return owners;
}

async function relocated(wanted: string, user: ServerUser, log: Logger): Promise<ServerFolder> {
  await mkdir(durableFolder, { recursive: true, mode: 0o755 });
  const path = await mkdtemp(join(durableFolder, 'postgres-'));
  await chown(path, user.uid, user.gid);
  try {
    // An empty folder is what a process that died before its chown left.
    await rmdir(wanted).catch(ignoring('ENOENT', 'ENOTDIR'));
    await symlink(path, wanted);
  } catch (error) {
    await rm(path, { recursive: true });
    const winner = await ownerOf(wanted);
    if (winner === undefined) throw error;
    return { path: await realpath(wanted), user: winner };
  }
  log.warn(
    { folder: path },
    `PostgreSQL cannot run as root, and no other user can reach ${dirname(wanted)}: the database is kept in ${path}`,
  );
  return { path, user };
}

async function refuseDeadLink(path: string): Promise<void> {
  const link = await readlink(path).catch(ignoring('ENOENT', 'EINVAL'));
  if (link === undefined || (await ownerOf(path)) !== undefined) return;
  throw new Error(
    `${path} is a link to ${link}, where the database was kept, and that folder is gone. ` +
      `Bring it back, or remove the link to begin with an empty database.`,
  );
}

/** Gives a folder and everything in it to the user. */
export async function chownAll(folder: string, { uid, gid }: ServerUser): Promise<void> {
  await lchown(folder, uid, gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), uid, gid);
  }
}

async function ownerOf(path: string): Promise<ServerUser | undefined> {
  try {
    const { uid, gid } = await stat(path);
    return { uid, gid };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * The folder of the server's socket, 0700. The kernel takes at most 104 bytes for a socket's path (108 on Linux), so a
 * long data folder gets one in /tmp.
 */
export async function openSocketFolder(folder: ServerFolder): Promise<string> {
  const inside = join(folder.path, 'socket');
  if (Buffer.byteLength(join(inside, '.s.PGSQL.5432.lock')) >= 100) return openTemporaryFolder(folder);
  if (await openPrivateFolder(inside, folder)) return inside;
  throw new Error(`${inside} is not a folder of the server's user alone. Remove it.`);
}

/** A folder in /tmp for this server alone, with a short and plain name that every process derives alike. */
export async function openTemporaryFolder(folder: ServerFolder): Promise<string> {
  const key = createHash('sha256').update(folder.path).digest('hex').slice(0, 16);
  for (const suffix of ['', '-2', '-3', '-4', '-5']) {
    // Anybody may make a folder in /tmp: one that is not ours alone is left alone.
    if (await openPrivateFolder(`/tmp/drgraph-${key}${suffix}`, folder)) return `/tmp/drgraph-${key}${suffix}`;
  }
  throw new Error(`/tmp/drgraph-${key} and its like belong to somebody else. Remove them.`);
}

async function openPrivateFolder(path: string, { user }: ServerFolder): Promise<boolean> {
  const isNew = await mkdir(path, { mode: 0o700 }).then(() => true, ignoring('EEXIST'));
  if (isNew === true && user !== undefined) await chown(path, user.uid, user.gid);
  const found = await lstat(path);
  return found.isDirectory() && found.uid === (user?.uid ?? process.getuid?.()) && (found.mode & 0o077) === 0;
}

/** Handles the named file system errors by doing nothing; passes on every other. */
export function ignoring(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.some((code) => hasCode(error, code))) throw error;
  };
}

/** Whether the error carries this code, as those of the file system and of PostgreSQL do. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
