import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { standardGeometry } from '../../src/replicator/layout.ts';
import type { Store } from '../../src/replicator/store.ts';
import { runActionNow } from './process.ts';
import { codeOf, connectionTypes, makeWorld, noise, restored, type World } from './world.ts';

const off = { id: 'made', name: 'made', powerState: 'POWERED_OFF' as const };

async function synced(world: World, content = noise('a', 100_000)): Promise<Store> {
  const machine = await world.machine('db', { 'disk.raw': content });
  const store = await world.open();
  await store.sync({ syncId: 'a', machine, disks: machine.disks });
  return store;
}

it('a restored machine has the facts of its source, the id, name and power state asked for, and its origin', async () => {
  await using world = await makeWorld();
  const store = await synced(world);
  const targetFolder = join(world.target.path, 'vms', 'made');
  const machine = { id: 'made', name: 'Made', powerState: 'POWERED_ON' as const };
  const made = await store.restore({ key: 'a', restoreId: 'r', targetFolder, machine });
  expect(made).toMatchObject({
    nativeId: 'made',
    name: 'Made',
    powerState: 'POWERED_ON',
    cpus: 2,
    memoryMb: 2048,
    nics: [{ network: 'lan' }],
    origin: { replicationId: 'replication-1', instanceKey: 'a', restoreId: 'r' },
  });
  expect(await world.target.readMachine('made')).toEqual(made);
});

it('a name in use is refused and what is there stays; the same restore repeated answers with its machine', async () => {
  await using world = await makeWorld();
  const store = await synced(world);
  const targetFolder = join(world.target.path, 'vms', 'made');
  await mkdir(targetFolder, { recursive: true });
  await writeFile(join(targetFolder, 'file'), 'kept');
  expect(await codeOf(store.restore({ key: 'a', restoreId: 'r', targetFolder, machine: off }))).toBe('NAME_TAKEN');
  expect(await readdir(targetFolder)).toEqual(['file']);
  await rm(targetFolder, { recursive: true });
  const made = await store.restore({ key: 'a', restoreId: 'r', targetFolder, machine: off });
  expect(await store.restore({ key: 'a', restoreId: 'r', targetFolder, machine: off })).toEqual(made);
  expect(await codeOf(store.restore({ key: 'a', restoreId: 'other', targetFolder, machine: off }))).toBe('NAME_TAKEN');
});

it('of two restores to one name at once, one makes the machine and the other is refused', async () => {
  await using world = await makeWorld();
  const store = await synced(world);
  const targetFolder = join(world.target.path, 'vms', 'made');
  const both = ['r1', 'r2'].map((restoreId) =>
    codeOf(store.restore({ key: 'a', restoreId, targetFolder, machine: off })),
  );
  const ends = await Promise.all(both);
  expect(ends.filter((end) => end === 'NAME_TAKEN')).toHaveLength(1);
  expect((await readFile(join(targetFolder, 'disk.raw'))).equals(noise('a', 100_000))).toBe(true);
  expect(await readdir(join(world.target.path, '.drgraph/tmp'))).toEqual([]);
});

it('a target outside of vms, or with a name that leads elsewhere, is refused', async () => {
  await using world = await makeWorld();
  const store = await synced(world);
  const root = world.target.path;
  for (const targetFolder of ['vms/made', `${root}/made`, `${root}/vms/.hidden`, `${root}/vms/`]) {
    const code = await codeOf(store.restore({ key: 'a', restoreId: 'r', targetFolder, machine: off }));
    expect(['INVALID_ARGUMENT', 'PATH_OUTSIDE_ROOT'], targetFolder).toContain(code);
  }
});

it('a cancelled or refused restore leaves nothing', async () => {
  await using world = await makeWorld();
  const store = await synced(world);
  const targetFolder = join(world.target.path, 'vms', 'made');
  const cancel = new AbortController();
  const options = { key: 'a', restoreId: 'r', targetFolder, machine: off };
  const onProgress = () => cancel.abort();
  expect(await codeOf(store.restore({ ...options, signal: cancel.signal, onProgress }))).toBe('CANCELLED');
  const fence = new Error('the lease is lost');
  const refuse = async () => {
    throw fence;
  };
  expect(await codeOf(store.restore({ ...options, beforePublish: refuse }))).toBe(fence);
  expect(await readdir(join(world.target.path, 'vms'))).toEqual([]);
  expect(await readdir(join(world.target.path, '.drgraph/tmp'))).toEqual([]);
});

it('an unknown instance and a removed one are not found, but one being restored outlives its removal', async () => {
  await using world = await makeWorld();
  const store = await synced(world);
  expect(await codeOf(restored(world, store, 'unknown'))).toBe('INSTANCE_NOT_FOUND');
  await store.removeInstances(['a']);
  await store.prune({ restoring: ['a'] });
  expect(await restored(world, store, 'a')).toEqual({ 'disk.raw': noise('a', 100_000) });
  await store.prune();
  expect(await codeOf(restored(world, store, 'a'))).toBe('INSTANCE_NOT_FOUND');
});

it('packs that another process prunes while an instance is read are found in their new place', async () => {
  await using world = await makeWorld();
  const content = noise('a', 1_600_000);
  const machine = await world.machine('db', { 'disk.raw': content });
  const store = await world.open();
  await store.sync({ syncId: 'first', machine, disks: machine.disks });
  for (let at = 0; at < content.byteLength; at += 4096) {
    if (at % (3 * 4096) !== 0) noise(`new ${at}`, 4096).copy(content, at);
  }
  await world.writeDisk('db', 'disk.raw', content);
  await store.sync({ syncId: 'new', machine, disks: machine.disks });
  let pruned = '';
  const made = await store.restore({
    key: 'new',
    restoreId: 'r',
    targetFolder: join(world.target.path, 'vms', 'made'),
    machine: off,
    // This process waits for the other one: nothing more is read until the packs are gone.
    onProgress: () => {
      pruned ||= runActionNow({ source: world.source.path, target: world.target.path, action: 'prune', killAt: 0 });
    },
  });
  expect(pruned).toContain('remove trash/first.');
  expect((await readFile(made.disks[0]?.path ?? '')).equals(content)).toBe(true);
});

it('holes stay holes: a large sparse disk takes little space in the store and where it is restored', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': Buffer.alloc(0) });
  const [disk] = machine.disks;
  await using file = await open(disk?.path ?? '', 'r+');
  await file.truncate(512 * 2 ** 20);
  await file.write(noise('a', 10_000), 0, 10_000, 300 * 2 ** 20);
  await file.close();
  const store = await world.open({ geometry: standardGeometry });
  const { transferBytes } = await store.sync({ syncId: 'a', machine, disks: machine.disks });
  expect(transferBytes).toBeLessThan(600_000);
  const targetFolder = join(world.target.path, 'vms', 'made');
  const made = await store.restore({ key: 'a', restoreId: 'r', targetFolder, machine: off });
  const { size, blocks } = await stat(made.disks[0]?.path ?? '');
  expect(size).toBe(512 * 2 ** 20);
  expect(blocks * 512).toBeLessThan(2 ** 20);
});

const tools = ['/usr/sbin/mkfs.ext4', '/sbin/mkfs.ext4'].find((path) => existsSync(path));
const reason = tools ? '' : ' (skipped: mkfs.ext4 of e2fsprogs is not installed)';
describe.skipIf(!tools)(`a disk with a real ext4 file system${reason}`, () => {
  it.each(connectionTypes)('comes back clean for e2fsck over %s', async (connectionType) => {
    await using world = await makeWorld();
    const content = join(world.folder, 'content');
    await mkdir(content);
    for (const name of ['a', 'b', 'c']) await writeFile(join(content, name), noise(name, 300_000));
    const machine = await world.machine('db', { 'disk.raw': Buffer.alloc(0) });
    const path = machine.disks[0]?.path ?? '';
    execFileSync(tools ?? '', ['-q', '-d', content, path, '16M']);
    const store = await world.open({ connectionType, geometry: standardGeometry });
    await store.sync({ syncId: 'a', machine, disks: machine.disks });
    const targetFolder = join(world.target.path, 'vms', 'made');
    const made = await store.restore({ key: 'a', restoreId: 'r', targetFolder, machine: off });
    const copy = made.disks[0]?.path ?? '';
    execFileSync((tools ?? '').replace('mkfs.ext4', 'e2fsck'), ['-fn', copy], { stdio: 'pipe' });
    expect((await readFile(copy)).equals(await readFile(path))).toBe(true);
  });
});
