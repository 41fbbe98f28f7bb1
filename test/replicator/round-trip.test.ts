import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionTypes, filesBelow, makeWorld, noise, restored, text } from './world.ts';

/** What may happen to a disk between two syncs. */
const change = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    at: fc.nat(100_000),
    length: fc.integer({ min: 1, max: 20_000 }),
    content: fc.constantFrom('noise', 'text'),
    seed: fc.nat(3),
  }),
  fc.record({ kind: fc.constant('hole' as const), at: fc.nat(100_000), length: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ kind: fc.constant('resize' as const), size: fc.nat(120_000) }),
);

/** Some changes, then a sync, then perhaps some instances go. */
const step = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  removed: fc.array(fc.nat(10), { maxLength: 2 }),
  prune: fc.boolean(),
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(disk: Buffer, change: Change): Buffer {
  if (change.kind === 'resize') {
    const next = Buffer.alloc(change.size);
    disk.copy(next);
    return next;
  }
  const next = Buffer.from(disk);
  const length = Math.min(change.length, next.byteLength - change.at);
  if (length <= 0) return next;
  if (change.kind === 'hole') next.fill(0, change.at, change.at + length);
  else (change.content === 'noise' ? noise : text)(change.seed, length).copy(next, change.at);
  return next;
}

describe.each(connectionTypes)('a store of connection type %s', (connectionType) => {
  it('restores every instance byte for byte after any writes, resizes, holes, removals and prunes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(100_000), fc.array(step, { minLength: 1, maxLength: 5 }), async (size, steps) => {
        await using world = await makeWorld();
        let disk = text('first', size);
        const machine = await world.machine('db', { 'disk.raw': disk });
        const store = await world.open({ connectionType });
        const instances = new Map<string, Buffer>();
        for (const [number, { changes, removed, prune }] of steps.entries()) {
          for (const one of changes) disk = changed(disk, one);
          await world.writeDisk('db', 'disk.raw', disk);
          const { key, sizeBytes } = await store.sync({ syncId: `sync-${number}`, machine, disks: machine.disks });
          expect(sizeBytes).toBe(disk.byteLength);
          instances.set(key, disk);
          const gone = removed.flatMap((index) => [...instances.keys()][index] ?? []);
          await store.removeInstances(gone);
          for (const key of gone) instances.delete(key);
          if (prune) await store.prune();
        }
        expect((await store.instances()).instances.map(({ key }) => key)).toEqual([...instances.keys()]);
        for (const [key, content] of instances) {
          const disks = await restored(world, store, key);
          expect(disks['disk.raw']?.equals(content)).toBe(true);
        }
        await store.prune();
        expect(await store.check()).toEqual({ problems: [], swept: [] });
      }),
      { numRuns: 12 },
    );
  });

  it('transfers nothing when nothing changed, and only the changed block after a write to one', async () => {
    await using world = await makeWorld();
    const disk = noise('disk', 40 * 4096);
    const machine = await world.machine('db', { 'disk.raw': disk });
    const store = await world.open({ connectionType });
    const first = await store.sync({ syncId: 'first', machine, disks: machine.disks });
    expect(first.counters).toEqual({
      checksumTotalBytes: disk.byteLength,
      checksumComparedBytes: disk.byteLength,
      bytesToTransfer: disk.byteLength,
      bytesTransferred: disk.byteLength,
    });
    const second = await store.sync({ syncId: 'second', machine, disks: machine.disks });
    expect([second.counters.bytesToTransfer, second.transferBytes]).toEqual([0, 0]);
    disk.write('changed', 5 * 4096 + 100);
    await world.writeDisk('db', 'disk.raw', disk);
    const third = await store.sync({ syncId: 'third', machine, disks: machine.disks });
    expect(third.counters.bytesToTransfer).toBe(4096);
    expect(third.counters.bytesTransferred).toBe(4096);
  });

  it('keeps the bytes of a disk out of the store unless it is plain', async () => {
    await using world = await makeWorld();
    const secret = 'a secret that must not lie in the store';
    const machine = await world.machine('db', { 'disk.raw': Buffer.alloc(4096 * 4, secret) });
    const store = await world.open({ connectionType });
    await store.sync({ syncId: 'first', machine, disks: machine.disks });
    const files = await filesBelow(world.stores);
    const contents = await Promise.all(files.map((file) => readFile(join(world.stores, file))));
    expect(contents.some((content) => content.includes(secret))).toBe(connectionType === 'PLAIN');
  });
});

it('a store whose connection type changes keeps its old instances and codes the new ones the new way', async () => {
  await using world = await makeWorld();
  const disks = { 'disk.raw': text('a', 70_000) };
  const machine = await world.machine('db', disks);
  for (const connectionType of connectionTypes) {
    const store = await world.open({ connectionType });
    const { counters } = await store.sync({ syncId: connectionType, machine, disks: machine.disks });
    // Plain and encrypted addresses differ; both encrypted types share theirs.
    expect(counters.bytesToTransfer > 0).toBe(connectionType !== 'ENCRYPTED_COMPRESSED');
  }
  const store = await world.open();
  for (const key of connectionTypes) expect(await restored(world, store, key)).toEqual(disks);
});

it('several disks, an empty one and one in a folder of its own, come back under their names', async () => {
  await using world = await makeWorld();
  await mkdir(`${world.source.path}/vms/db/disks`, { recursive: true });
  const disks = { 'boot.img': noise(1, 9000), 'disks/data.raw': noise(2, 100_001), 'empty.raw': Buffer.alloc(0) };
  const machine = await world.machine('db', disks);
  const store = await world.open();
  await store.sync({ syncId: 'first', machine, disks: machine.disks });
  expect(await restored(world, store, 'first')).toEqual(disks);
});
