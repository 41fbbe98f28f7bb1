import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The system user that a PostgreSQL server runs as, where that is not the user of this process. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root: the users that root may run it as instead, the best first. */
export async function usersInsteadOfRoot(): Promise<ServerUser[]> {
  const found = await Promise.all(['postgres', '_postgres', 'nobody'].map(lookUp));
  const users = found.filter((user) => user !== undefined);
  if (users.length === 0) users.push({ uid: 65534, gid: 65534 });
  const usable = await Promise.all(users.map((user) => canEnter(user, '/')));
  return users.filter((_, index) => usable[index]);
}

async function lookUp(name: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)),
    );
    if (uid === undefined || gid === undefined || uid === 0) return undefined;
    return { uid: uid >>> 0, gid: gid >>> 0 };
  } catch {
    // No such user on this machine; the next candidate is tried.
    return undefined;
  }
}

/** The options that make a child process run as `user`. Node takes signed ids here and unsigned ones in chown. */
export function runningAs(user: ServerUser | undefined): { uid?: number; gid?: number } {
  return user === undefined ? {} : { uid: user.uid | 0, gid: user.gid | 0 };
}

/** Whether `user` can enter the folder and every folder above it. Asked of the kernel: modes alone miss ACLs. */
export async function canEnter(user: ServerUser | undefined, folder: string): Promise<boolean> {
  return shellTest(user, 'cd "$1"', folder);
}

/** Whether `user` can run the program. */
export async function canRun(user: ServerUser | undefined, program: string): Promise<boolean> {
  return shellTest(user, 'test -x "$1" && test -r "$1"', program);
}

async function shellTest(user: ServerUser | undefined, script: string, argument: string): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', script, 'sh', argument], { cwd: '/', ...runningAs(user) });
    return true;
  } catch {
    return false;
  }
}
