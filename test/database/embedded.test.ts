import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, type EmbeddedUser, type EmbeddedUserOptions, useEmbedded } from './embedded-user.ts';

let root: string;
let users: EmbeddedUser[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drgraph-embedded-'));
  await chmod(root, 0o755);
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

function socketFolder(url: string): string {
  return new URL(url).searchParams.get('host') ?? '';
}

async function serverPid(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

/** A server that was stopped in order has removed its file. */
async function isStopped(dataDir: string): Promise<boolean> {
  return !(await readdir(join(dataDir, 'postgres', 'data'))).includes('postmaster.pid');
}

/** Resolves when the server that answers at the URL is another process than before. */
async function restarted(url: string, before: number, dataDir: string): Promise<void> {
  await expect
    .poll(async () => (await ask(url, 'SELECT 1').catch(() => 0)) === 1 && (await serverPid(dataDir)) !== before, {
      timeout: 20_000,
    })
    .toBe(true);
}

describe('one data folder', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = join(root, 'shared');
    // What a process left that was killed in the middle; no process has this id.
    await mkdir(join(dataDir, 'postgres', 'data.new-4194999-abc'), { recursive: true });
    await writeFile(join(dataDir, 'postgres', 'data.new-4194999-abc', 'PG_VERSION'), '1');
    const first = await Promise.all([1, 2, 3].map(() => start({ dataDir })));
    // Several processes that start at once on an empty folder make one server.
    expect(new Set(first.map((user) => user.url)).size).toBe(1);
    const pids = await Promise.all(first.map((user) => ask(user.url, `SELECT pg_postmaster_start_time()::text`)));
    expect(new Set(pids).size).toBe(1);
    await ask(first[0]?.url ?? '', 'CREATE TABLE note (text text)');
    expect(await Promise.all(first.map((user) => user.close()))).toEqual([0, 0, 0]);
    const left = await readdir(join(dataDir, 'postgres'));
    // A project that the server's user cannot reach also has a copy of the programs there.
    expect(left.filter((name) => !name.startsWith('programs-')).sort()).toEqual(['data', 'server.log', 'socket']);
  });

  test('the server is stopped by its last user alone', async () => {
    const first = await start({ dataDir });
    const second = await start({ dataDir });
    const pid = await serverPid(dataDir);
    expect(second.url).toBe(first.url);
    expect(await first.close()).toBe(0);
    expect(await ask(second.url, 'SELECT count(*)::int FROM note')).toBe(0);
    expect(await serverPid(dataDir)).toBe(pid);
    expect(second.output()).toBe('');
    expect(await second.close()).toBe(0);
    expect(await isStopped(dataDir)).toBe(true);
  });

  test('a server whose user was killed is taken over by the next, and stopped by it', async () => {
    const first = await start({ dataDir });
    const pid = await serverPid(dataDir);
    await first.kill();
    expect(await isStopped(dataDir)).toBe(false);
    const second = await start({ dataDir });
    expect(await serverPid(dataDir)).toBe(pid);
    await second.close();
    expect(await isStopped(dataDir)).toBe(true);
  });

  test('a server that is killed is started again at the same address, with all that was committed', async () => {
    const first = await start({ dataDir, settings: { fsync: 'on' } });
    const second = await start({ dataDir });
    await ask(first.url, `INSERT INTO note VALUES ('committed')`);
    const pid = await serverPid(dataDir);
    process.kill(pid, 'SIGKILL');
    await restarted(first.url, pid, dataDir);
    expect(await ask(second.url, `SELECT text FROM note`)).toBe('committed');
    // Both come back and count as users again.
    const userCount = `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'`;
    await expect.poll(() => ask(first.url, userCount), { timeout: 10_000 }).toBe(2);
    await first.close();
    expect(await isStopped(dataDir)).toBe(false);
    await second.close();
    expect(await isStopped(dataDir)).toBe(true);
  });

  test('after a restart of the machine a stranger with the old process id does not keep the server from starting', async () => {
    const first = await start({ dataDir });
    const pid = await serverPid(dataDir);
    await first.kill();
    process.kill(pid, 'SIGKILL');
    // PostgreSQL is only deceived by a process of its own user.
    const { uid, gid } = await stat(join(dataDir, 'postgres'));
    const stranger = spawn('sleep', ['600'], { uid, gid });
    await once(stranger, 'spawn');
    const file = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, [stranger.pid, ...lines.slice(1)].join('\n'));
    await writeFile(join(socketFolder(first.url), '.s.PGSQL.5432.lock'), `${stranger.pid}\n`);
    try {
      const second = await start({ dataDir });
      expect(await ask(second.url, 'SELECT 1')).toBe(1);
      await second.close();
    } finally {
      stranger.kill();
    }
  });
});

test('there is no TCP port, and the folder of the socket is closed to others', async () => {
  const dataDir = join(root, `a folder with 'quotes', "more" and $HOME`);
  const { url } = await start({ dataDir });
  expect(await ask(url, 'SHOW listen_addresses')).toBe('');
  expect((await stat(socketFolder(url))).mode & 0o777).toBe(0o700);
  expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700);
  await Promise.all(users.map((user) => user.close()));
  await rm(socketFolder(url), { recursive: true });
});

test('a data folder with a long path has a socket with a short one, also after /tmp was emptied', async () => {
  const dataDir = join(root, 'long'.repeat(25), 'longer'.repeat(20));
  const first = await start({ dataDir });
  const socket = join(socketFolder(first.url), '.s.PGSQL.5432');
  expect(Buffer.byteLength(socket)).toBeLessThan(100);
  expect((await stat(socketFolder(first.url))).mode & 0o777).toBe(0o700);
  const connection = createConnection(socket);
  await once(connection, 'connect');
  connection.destroy();
  await first.kill();
  process.kill(await serverPid(dataDir), 'SIGKILL');
  await rm(socketFolder(first.url), { recursive: true });
  const second = await start({ dataDir });
  expect(second.url).toBe(first.url);
  await second.close();
  await rm(socketFolder(first.url), { recursive: true });
});

test('a server that does not start says why, with the end of its log', async () => {
  const dataDir = join(root, 'wrong');
  const started = start({ dataDir, settings: { shared_buffers: 'plenty' } });
  await expect(started).rejects.toThrow(/did not start[\s\S]*shared_buffers/);
});

test('data of another main version is refused with both versions named', async () => {
  const dataDir = join(root, 'old');
  await mkdir(join(dataDir, 'postgres', 'data'), { recursive: true });
  await writeFile(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '12\n');
  await expect(start({ dataDir })).rejects.toThrow(/made by PostgreSQL 12, and this drgraph brings \d+/);
});
