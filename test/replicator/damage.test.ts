import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReplicatorError } from '../../src/replicator/error.ts';
import { openStore, type Store } from '../../src/replicator/store.ts';
import {
  codeOf,
  connectionTypes,
  filesBelow,
  makeWorld,
  noise,
  restored,
  serviceKey,
  text,
  type World,
} from './world.ts';

/** Two instances that share no block, so that damage to one must leave the other. */
const disks = {
  first: { 'disk.raw': Buffer.concat([noise('a', 50_000), text('a', 30_000)]) },
  second: { 'disk.raw': Buffer.concat([noise('b', 50_000), text('b', 30_000)]) },
};
type Key = keyof typeof disks;
const keys: Key[] = ['first', 'second'];

async function flipBit(file: string, bit: number): Promise<void> {
  const content = await readFile(file);
  content[Math.floor(bit / 8)] = (content[Math.floor(bit / 8)] ?? 0) ^ (1 << (bit % 8));
  await writeFile(file, content);
}

/** Every file that the store's own examinations name, and what restoring gives. */
async function examine(world: World): Promise<{ named: Set<string>; lost: Key[] }> {
  const named = new Set<string>();
  const lost = new Set<Key>();
  const store = await world.open({ connectionType: 'PLAIN' });
  const problems = [...(await store.instances()).problems];
  for (const key of keys) {
    try {
      const { problems: damaged, warnings } = await store.verify(key);
      problems.push(...damaged, ...warnings);
      if (damaged.length > 0) lost.add(key);
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_DAMAGED' });
      lost.add(key);
    }
    try {
      expect(await restored(world, store, key), `${key} was restored with other bytes`).toEqual(disks[key]);
      expect(lost.has(key), `${key} was restored although verify finds it damaged`).toBe(false);
    } catch (error) {
      if (!(error instanceof ReplicatorError)) throw error;
      expect(error.code).toBe('STORE_DAMAGED');
      expect(lost.has(key), `${key} is lost but verify did not find it: ${error.message}`).toBe(true);
    }
  }
  problems.push(...(await store.check()).problems);
  for (const problem of problems) named.add(basename(problem.file));
  return { named, lost: [...lost] };
}

describe.each(connectionTypes)('a store of connection type %s with one flipped bit', (connectionType) => {
  let world: World;
  let files: string[];
  beforeAll(async () => {
    world = await makeWorld();
    const store = await world.open({ connectionType });
    for (const key of keys) {
      const machine = await world.machine('db', disks[key]);
      await store.sync({ syncId: key, machine, disks: machine.disks });
    }
    await cp(world.stores, join(world.folder, 'good'), { recursive: true });
    files = await filesBelow(world.stores);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  async function damage(file: string, place: number) {
    await rm(world.stores, { recursive: true });
    await cp(join(world.folder, 'good'), world.stores, { recursive: true });
    const path = join(world.stores, file);
    const bits = (await readFile(path)).byteLength * 8;
    await flipBit(path, Math.floor(place * bits));
    return await examine(world);
  }

  it.each([
    ['store.json', /store\.json$/, 0],
    ['the copy of store.json', /store\.copy\.json$/, 0],
    ['a pack', /\.pack$/, 1],
    ['a pack index', /\.index$/, 0],
    ['a manifest', /instances\/.*\.json$/, 1],
    ['a leaf', /leaves\//, 1],
  ])('names %s, restores no wrong byte and costs no more than it must', async (_name, pattern, cost) => {
    // Without the usual bias to small numbers, which would only flip bits of the first byte.
    const places = fc.noBias(fc.integer({ min: 0, max: 9999 })).map((part) => part / 10_000);
    const candidates = files.filter((file) => pattern.test(file));
    expect(candidates).not.toEqual([]);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...candidates), places, async (file, place) => {
        const { named, lost } = await damage(file, place);
        expect([...named]).toContain(basename(file));
        expect(lost).toHaveLength(cost);
      }),
      { numRuns: 5 },
    );
  });
});

it('a damaged store.json is read from its copy and mended; with both damaged the store says so', async () => {
  await using world = await makeWorld();
  const store = await world.open();
  const folder = join(world.stores, 'replication-1');
  await flipBit(join(folder, 'store.json'), 100);
  expect((await store.check()).problems).toMatchObject([{ file: join(folder, 'store.json') }]);
  expect((await store.check()).problems).toEqual([]);
  await flipBit(join(folder, 'store.json'), 100);
  await flipBit(join(folder, 'store.copy.json'), 100);
  expect(await codeOf(world.open())).toBe('STORE_DAMAGED');
});

it('a damaged pack index is replaced by the headers of its pack, and mended by check', async () => {
  await using world = await makeWorld();
  const store = await world.open();
  const machine = await world.machine('db', disks.first);
  await store.sync({ syncId: 'first', machine, disks: machine.disks });
  const index = (await filesBelow(world.stores)).find((file) => file.endsWith('.index')) ?? '';
  await flipBit(join(world.stores, index), 300);
  expect(await restored(world, store, 'first')).toEqual(disks.first);
  expect((await store.check()).problems).toHaveLength(1);
  expect((await store.check()).problems).toEqual([]);
});

it('a prune deletes nothing while a manifest cannot be read, and goes on when that instance is removed', async () => {
  await using world = await makeWorld();
  const store = await world.open();
  for (const key of keys) {
    const machine = await world.machine('db', disks[key]);
    await store.sync({ syncId: key, machine, disks: machine.disks });
  }
  await flipBit(join(world.stores, 'replication-1/instances/second.json'), 77);
  const before = await filesBelow(world.stores);
  expect(await codeOf(store.prune())).toBe('STORE_DAMAGED');
  expect(await filesBelow(world.stores)).toEqual(before);
  await store.removeInstances(['second']);
  expect((await store.prune()).removedPacks).toBeGreaterThan(0);
  expect(await restored(world, store, 'first')).toEqual(disks.first);
});

it('a cut pack and a missing pack cost their blocks only, and the next sync transfers them again', async () => {
  await using world = await makeWorld();
  const store = await world.open();
  const machine = await world.machine('db', disks.first);
  await store.sync({ syncId: 'first', machine, disks: machine.disks });
  const pack = join(world.stores, (await filesBelow(world.stores)).find((file) => file.endsWith('.pack')) ?? '');
  await writeFile(pack, (await readFile(pack)).subarray(0, 10_000));
  const { ok, problems } = await store.verify('first');
  expect(ok).toBe(false);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.length * 4096).toBeLessThan(disks.first['disk.raw'].byteLength);
  await rm(pack);
  expect(await codeOf(restored(world, store, 'first'))).toBe('STORE_DAMAGED');
  expect((await store.check()).problems[0]?.instances).toEqual(['first']);
  await store.sync({ syncId: 'again', machine, disks: machine.disks });
  expect(await restored(world, store, 'again')).toEqual(disks.first);
  expect(await restored(world, store, 'first')).toEqual(disks.first);
});

it('a store under another service key is refused', async () => {
  await using world = await makeWorld();
  await world.open();
  const options = {
    root: world.target.path,
    replicationId: 'replication-1',
    create: false,
    connectionType: 'PLAIN' as const,
  };
  const open = (key: Buffer): Promise<Store> => openStore({ ...options, serviceKey: key });
  expect(await codeOf(open(Buffer.alloc(32, 8)))).toBe('KEY_MISMATCH');
  expect(await codeOf(open(Buffer.alloc(16, 8)))).toBe('INVALID_ARGUMENT');
  await (await open(serviceKey)).close();
});
