import { open, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codeOf, filesBelow, makeWorld, noise, restored } from './world.ts';

async function patch(path: string, at: number, content: Uint8Array): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write(content, 0, content.byteLength, at);
}

it('a disk written to while it is read is read again, and the copy is of one moment', async () => {
  await using world = await makeWorld();
  const disk = noise('a', 200_000);
  const machine = await world.machine('db', { 'disk.raw': disk });
  const path = machine.disks[0]?.path ?? '';
  const store = await world.open();
  let writing: Promise<void> | null = null;
  await store.sync({
    syncId: 'torn',
    machine,
    disks: machine.disks,
    onProgress: ({ checksumComparedBytes }) => {
      // The first part has been read: what is written there now must be in the copy all the same.
      if (checksumComparedBytes > 0) writing ??= patch(path, 0, noise('b', 5000));
    },
  });
  expect(writing).not.toBeNull();
  noise('b', 5000).copy(disk);
  expect(await restored(world, store, 'torn')).toEqual({ 'disk.raw': disk });
});

it('a disk that is written to in every reading fails with SOURCE_CHANGED and leaves no instance', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 200_000) });
  const path = machine.disks[0]?.path ?? '';
  const store = await world.open();
  let writes = Promise.resolve();
  let number = 0;
  const sync = store.sync({
    syncId: 'torn',
    machine,
    disks: machine.disks,
    onProgress: () => {
      number += 1;
      const content = noise(number, 100);
      writes = writes.then(() => patch(path, 1000, content));
    },
  });
  expect(await codeOf(sync)).toBe('SOURCE_CHANGED');
  await writes;
  expect((await store.instances()).instances).toEqual([]);
  await store.check();
  expect((await filesBelow(world.stores)).filter((file) => !file.includes('store.'))).toEqual([]);
});

it('a disk that shrinks, grows or is replaced while it is read is read again', async () => {
  await using world = await makeWorld();
  for (const change of ['shrink', 'grow', 'replace']) {
    const machine = await world.machine('db', { 'disk.raw': noise('a', 200_000) });
    const path = machine.disks[0]?.path ?? '';
    const store = await world.open();
    let content = noise('a', 200_000);
    let changing: Promise<void> | null = null;
    const apply = async () => {
      if (change === 'replace') {
        content = noise('b', 200_000);
        await writeFile(`${path}.new`, content);
        await rename(`${path}.new`, path);
      } else {
        const size = change === 'shrink' ? 50_000 : 300_000;
        content = Buffer.concat([content, Buffer.alloc(100_000)]).subarray(0, size);
        await truncate(path, size);
      }
    };
    await store.sync({
      syncId: change,
      machine,
      disks: machine.disks,
      onProgress: () => {
        changing ??= apply();
      },
    });
    await changing;
    expect((await restored(world, store, change))['disk.raw']?.equals(content), change).toBe(true);
  }
});

it('a missing disk is named, and a link in its place is not followed', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 10_000) });
  const path = machine.disks[0]?.path ?? '';
  const store = await world.open();
  await rm(path);
  await expect(store.sync({ syncId: 'gone', machine, disks: machine.disks })).rejects.toMatchObject({
    code: 'SOURCE_MISSING',
    message: expect.stringContaining(path),
  });
  await writeFile(join(world.folder, 'secret'), 'secret');
  await symlink(join(world.folder, 'secret'), path);
  expect(await codeOf(store.sync({ syncId: 'link', machine, disks: machine.disks }))).toBe('PATH_OUTSIDE_ROOT');
});

it('a cancelled sync ends with CANCELLED, publishes nothing, and can be repeated', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 400_000) });
  const store = await world.open();
  const cancel = new AbortController();
  const sync = store.sync({
    syncId: 'cancelled',
    machine,
    disks: machine.disks,
    signal: cancel.signal,
    onProgress: ({ checksumComparedBytes }) => {
      if (checksumComparedBytes > 0) cancel.abort();
    },
  });
  expect(await codeOf(sync)).toBe('CANCELLED');
  expect((await store.instances()).instances).toEqual([]);
  expect((await filesBelow(world.stores)).filter((file) => file.includes('/tmp/'))).toEqual([]);
  await store.sync({ syncId: 'cancelled', machine, disks: machine.disks });
  expect(await restored(world, store, 'cancelled')).toEqual({ 'disk.raw': noise('a', 400_000) });
});

it('what a cancelled or killed sync has made durable is not transferred again, unless a check swept it', async () => {
  await using world = await makeWorld();
  const disk = noise('a', 1_000_000);
  const machine = await world.machine('db', { 'disk.raw': disk });
  const store = await world.open();
  async function interruptedThenRepeated(syncId: string, liveSyncIds: Set<string>): Promise<number> {
    const began = performance.now();
    const cancel = new AbortController();
    const onProgress = ({ bytesTransferred }: { bytesTransferred: number }) => {
      if (bytesTransferred > 0) cancel.abort();
    };
    const options = { syncId, machine, disks: machine.disks };
    expect(await codeOf(store.sync({ ...options, signal: cancel.signal, onProgress }))).toBe('CANCELLED');
    expect((await store.check({ liveSyncIds })).swept.length > 0).toBe(liveSyncIds.size === 0);
    const packs = (await filesBelow(world.stores)).filter((file) => /packs\/.*\.pack$/.test(file));
    const late = new Date(Date.now() + 100_000);
    for (const pack of packs) await utimes(join(world.stores, pack), late, late);
    const { counters, transferBytes, transferSeconds } = await store.sync(options);
    // Of a stored byte each is counted once, whichever attempt wrote it.
    expect(transferBytes).toBeGreaterThan(disk.byteLength);
    expect(transferBytes).toBeLessThan(disk.byteLength * 1.05);
    // The first attempt counts until it wrote its last durable pack.
    const hidden = packs.length > 0 ? 100 : 0;
    expect(transferSeconds).toBeGreaterThan(hidden);
    expect(transferSeconds).toBeLessThan(hidden + (performance.now() - began) / 1000);
    await store.removeInstances([syncId]);
    await store.prune();
    return counters.bytesToTransfer;
  }
  expect(await interruptedThenRepeated('live', new Set(['live']))).toBeLessThan(disk.byteLength);
  expect(await interruptedThenRepeated('dead', new Set())).toBe(disk.byteLength);
});

it('a check beside a sync under way takes nothing from it', async () => {
  await using world = await makeWorld();
  const disk = noise('a', 1_000_000);
  const machine = await world.machine('db', { 'disk.raw': disk });
  const store = await world.open();
  let checking: Promise<unknown> | null = null;
  await store.sync({
    syncId: 'a',
    machine,
    disks: machine.disks,
    onProgress: ({ bytesTransferred }) => {
      if (bytesTransferred > 0) checking ??= store.check({ liveSyncIds: new Set(['a']) });
    },
    beforePublish: async () => {
      expect(await checking).toEqual({ problems: [], swept: [] });
    },
  });
  expect(await restored(world, store, 'a')).toEqual({ 'disk.raw': disk });
});

it('closing a store stops what runs on it', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 400_000) });
  const store = await world.open();
  const closed = Promise.withResolvers<void>();
  const sync = store.sync({
    syncId: 'closed',
    machine,
    disks: machine.disks,
    onProgress: ({ checksumComparedBytes }) => {
      if (checksumComparedBytes > 0) closed.resolve(store.close());
    },
  });
  expect(await codeOf(sync)).toBe('CANCELLED');
  await closed.promise;
});

it('a fence that refuses keeps the instance from being published', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 10_000) });
  const store = await world.open();
  const fence = new Error('the lease is lost');
  const beforePublish = async () => {
    throw fence;
  };
  expect(await codeOf(store.sync({ syncId: 'a', machine, disks: machine.disks, beforePublish }))).toBe(fence);
  expect((await store.instances()).instances).toEqual([]);
});

it('a repeated sync answers with the instance that it has published, not with a new copy', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 10_000) });
  const store = await world.open();
  const first = await store.sync({ syncId: 'a', machine, disks: machine.disks });
  await world.writeDisk('db', 'disk.raw', noise('b', 10_000));
  expect(await store.sync({ syncId: 'a', machine, disks: machine.disks })).toEqual(first);
});

it('a store pruned by a stale process while a sync relies on its packs publishes nothing', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': noise('a', 100_000) });
  const store = await world.open();
  await store.sync({ syncId: 'old', machine, disks: machine.disks });
  const sync = store.sync({
    syncId: 'new',
    machine,
    disks: machine.disks,
    beforePublish: async () => {
      await store.removeInstances(['old']);
      await store.prune();
    },
  });
  expect(await codeOf(sync)).toBe('STORE_BUSY');
  expect((await store.instances()).instances).toEqual([]);
  await store.sync({ syncId: 'new', machine, disks: machine.disks });
  expect(await restored(world, store, 'new')).toEqual({ 'disk.raw': noise('a', 100_000) });
});

it('counters never fall and end at the size of the disks', async () => {
  await using world = await makeWorld();
  const machine = await world.machine('db', { 'a.raw': noise('a', 100_000), 'b.raw': Buffer.alloc(50_000) });
  const store = await world.open();
  const seen: number[][] = [];
  await store.sync({
    syncId: 'a',
    machine,
    disks: machine.disks,
    onProgress: (counters) => seen.push(Object.values(counters)),
  });
  for (const [index, counters] of seen.entries()) {
    const before = seen[index - 1] ?? [0, 0, 0, 0];
    expect(counters.every((value, at) => value >= (before[at] ?? 0))).toBe(true);
  }
  expect(seen.at(-1)).toEqual([150_000, 150_000, 100_000, 100_000]);
});
