import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/replicator/store.ts';
import { runAction } from './process.ts';
import { codeOf, makeWorld, noise, serviceKey, tiny, type World } from './world.ts';

const content = noise('a', 60_000);

/** A store with one instance, and a source that has changed since. */
async function prepared(): Promise<World> {
  const world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': content });
  const store = await world.open({ connectionType: 'ENCRYPTED_COMPRESSED' });
  await store.sync({ syncId: 'second', machine, disks: machine.disks });
  await mkdir(join(world.target.path, 'vms'), { recursive: true });
  await world.writeDisk('db', 'disk.raw', noise('b', 60_000));
  return world;
}

async function expectWhole(world: World): Promise<void> {
  const store = await world.open({ connectionType: 'ENCRYPTED_COMPRESSED' });
  expect(await store.verify('second')).toEqual({ ok: true, problems: [], warnings: [] });
  expect(await readdir(join(world.stores, 'replication-1/tmp'))).toEqual([]);
  expect((await store.check()).problems).toEqual([]);
  expect(await store.check()).toEqual({ problems: [], swept: [] });
}

describe('with a limit of file sizes (RLIMIT_FSIZE)', () => {
  // KiB: a pack is 48 KiB, a leaf 256 bytes. 1 stops the manifest, larger ones the packs at various bytes.
  it.each([0, 1, 7, 30])('of %i KiB a sync fails with NO_SPACE, and the store stays whole', async (limit) => {
    await using world = await prepared();
    const order = { source: world.source.path, target: world.target.path, action: 'sync' as const, killAt: 0 };
    expect(await runAction(order, limit)).toMatchObject({
      code: 'NO_SPACE',
      message: expect.stringContaining('Free space'),
    });
    await expectWhole(world);
    expect(await runAction(order)).toHaveProperty('steps');
    expect((await (await world.open()).verify('last')).ok).toBe(true);
  });

  it.each([0, 40])('of %i KiB a restore fails with NO_SPACE and leaves no machine', async (limit) => {
    await using world = await prepared();
    const order = { source: world.source.path, target: world.target.path, action: 'restore' as const, killAt: 0 };
    expect(await runAction(order, limit)).toMatchObject({ code: 'NO_SPACE' });
    expect(await readdir(join(world.target.path, 'vms'))).toEqual([]);
    expect(await readdir(join(world.target.path, '.drgraph/tmp'))).toEqual([]);
    await expectWhole(world);
  });
});

/** Mounts a file system of this size, where that is allowed. */
function mount(folder: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('on a full file system a sync and a restore fail with NO_SPACE, and go on when there is room', async (test) => {
  await using world = await makeWorld();
  const root = join(world.folder, 'small');
  await mkdir(root);
  if (!mount(root, '400k')) test.skip('a tmpfs cannot be mounted here (that takes the rights of root)');
  try {
    await mkdir(join(root, 'vms'));
    const options = { root, replicationId: 'r', serviceKey, connectionType: 'PLAIN' as const, geometry: tiny };
    const store = await openStore({ ...options, create: true });
    const first = await world.machine('db', { 'disk.raw': noise('a', 200_000) });
    await store.sync({ syncId: 'first', machine: first, disks: first.disks });
    const restore = () =>
      store.restore({
        key: 'first',
        restoreId: 'r',
        targetFolder: join(root, 'vms', 'made'),
        machine: { id: 'made', name: 'made', powerState: 'POWERED_OFF' },
      });
    expect(await codeOf(restore())).toBe('NO_SPACE');
    expect(await readdir(join(root, 'vms'))).toEqual([]);
    const second = await world.machine('db', { 'disk.raw': noise('b', 200_000) });
    const sync = () => store.sync({ syncId: 'second', machine: second, disks: second.disks });
    expect(await codeOf(sync())).toBe('NO_SPACE');
    expect((await store.verify('first')).ok).toBe(true);
    await store.check();
    execFileSync('mount', ['-o', 'remount,size=4m', root]);
    await sync();
    const made = await restore();
    expect((await readFile(made.disks[0]?.path ?? '')).equals(noise('a', 200_000))).toBe(true);
    await store.close();
  } finally {
    execFileSync('umount', [root]);
  }
});
