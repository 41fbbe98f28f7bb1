import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSite } from '../../src/replicator/site.ts';
import { openStore, type Store } from '../../src/replicator/store.ts';
import type { Order } from './action.ts';
import { runAction } from './process.ts';
import { makeWorld, noise, serviceKey, text, tiny, type World } from './world.ts';

const first = Buffer.concat([noise('a', 65_536), Buffer.alloc(40_000), text('a', 10_000)]);
/** Every fourth block of first stays, so that a prune without first finds its packs less than half in use. */
const second = Buffer.concat([noise('b', 65_536), Buffer.alloc(40_000), text('b', 10_000)]);
for (let at = 0; at < 65_536; at += 4 * 4096) first.copy(second, at, at, at + 4096);
const last = Buffer.concat([noise('c', 65_536), second.subarray(65_536), text('c', 5_000)]);

/** The disks of three instances; the last is what the source holds, not yet synced. */
const disks = { first, second, last };

let world: World;
beforeAll(async () => {
  world = await makeWorld();
  const machine = await world.machine('db', { 'disk.raw': disks.first });
  const store = await world.open({ connectionType: 'ENCRYPTED_COMPRESSED' });
  await store.sync({ syncId: 'first', machine, disks: machine.disks });
  await world.writeDisk('db', 'disk.raw', disks.second);
  await store.sync({ syncId: 'second', machine, disks: machine.disks });
  await world.writeDisk('db', 'disk.raw', disks.last);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

let copies = 0;

/** A copy of a target, to be destroyed in. */
async function copyTarget(from = world.target.path): Promise<string> {
  copies += 1;
  const target = join(world.folder, `copy-${copies}`);
  await cp(from, target, { recursive: true });
  await mkdir(join(target, 'vms'), { recursive: true });
  return target;
}

async function openCopy(target: string): Promise<Store> {
  return await openStore({
    root: target,
    replicationId: 'replication-1',
    serviceKey,
    connectionType: 'ENCRYPTED_COMPRESSED',
    create: false,
    geometry: tiny,
  });
}

async function restoredDisk(store: Store, target: string, key: string): Promise<Buffer> {
  const targetFolder = join(target, 'vms', `check-${key}`);
  const machine = { id: `check-${key}`, name: key, powerState: 'POWERED_OFF' as const };
  const made = await store.restore({ key, restoreId: `check-${key}`, targetFolder, machine });
  return await readFile(made.disks[0]?.path ?? '');
}

/** What is left in the folders that must be empty when no task runs. */
async function debris(target: string): Promise<string[]> {
  const store = join(target, '.drgraph/stores/replication-1');
  const folders = [join(store, 'tmp'), join(store, 'trash'), join(target, '.drgraph/tmp')];
  return (await Promise.all(folders.map((folder) => readdir(folder)))).flat();
}

/** Runs the action once to count its durable steps, then once for each step, killed right after it. */
async function killAtEveryStep(action: Order['action'], examine: (target: string, step: string) => Promise<void>) {
  const order = (target: string, killAt: number) => ({ source: world.source.path, target, action, killAt });
  const whole = await runAction(order(await copyTarget(), 0));
  if (!('steps' in whole)) throw new Error(`The action did not succeed: ${JSON.stringify(whole)}`);
  const numbers = whole.steps.keys();
  const lane = async () => {
    // Two at a time share the iterator.
    for (const index of numbers) {
      const target = await copyTarget();
      expect(await runAction(order(target, index + 1))).toEqual({ signal: 'SIGKILL' });
      await examine(target, `${action}, step ${index + 1}: ${whole.steps[index]}`);
      await rm(target, { recursive: true });
    }
  };
  await Promise.all([lane(), lane()]);
  return whole.steps;
}

/** The task was cancelled after the crash: nothing will use what the sync left. */
async function examineNotRepeated(target: string, step: string): Promise<void> {
  const store = await openCopy(target);
  const keys = (await store.instances()).instances.map(({ key }) => key);
  expect(keys.slice(0, 2)).toEqual(['first', 'second']);
  expect((await store.check()).problems, step).toEqual([]);
  expect(await store.check(), step).toEqual({ problems: [], swept: [] });
  expect(await debris(target), step).toEqual([]);
  expect((await store.instances()).instances.map(({ key }) => key)).toEqual(keys);
  for (const key of keys) expect(await store.verify(key), step).toEqual({ ok: true, problems: [], warnings: [] });
  await rm(target, { recursive: true });
}

describe('a process killed with SIGKILL after a durable step', () => {
  it('of a sync loses no instance; repeated it ends, not repeated its debris is swept', async () => {
    const savings: number[] = [];
    const steps = await killAtEveryStep('sync', async (target, step) => {
      await examineNotRepeated(await copyTarget(target), step);
      const store = await openCopy(target);
      const { instances, problems } = await store.instances();
      expect(problems, step).toEqual([]);
      for (const { key } of instances) {
        expect((await restoredDisk(store, target, key)).equals(Reflect.get(disks, key)), `${key} after ${step}`).toBe(
          true,
        );
      }
      const machine = await (await openSite(world.source.path)).readMachine('id-db');
      const { counters } = await store.sync({ syncId: 'last', machine, disks: machine.disks });
      savings.push(counters.bytesToTransfer);
      await rm(join(target, 'vms'), { recursive: true });
      expect(await store.check(), step).toEqual({ problems: [], swept: [] });
      expect(await debris(target), step).toEqual([]);
      for (const key of ['first', 'second', 'last']) {
        expect((await restoredDisk(store, target, key)).equals(Reflect.get(disks, key)), `${key} after ${step}`).toBe(
          true,
        );
      }
    });
    expect(steps.length).toBeGreaterThan(15);
    // Blocks that were durable are not transferred again.
    expect(Math.min(...savings)).toBeLessThan(Math.max(...savings));
  });

  it('of a prune loses no instance that was kept, and the repeated prune ends and leaves no debris', async () => {
    const steps = await killAtEveryStep('prune', async (target, step) => {
      const store = await openCopy(target);
      for (const { key } of (await store.instances()).instances) {
        expect((await store.verify(key)).ok, `${key} after ${step}`).toBe(true);
      }
      await store.removeInstances(['first']);
      await store.prune();
      expect(await store.check(), step).toEqual({ problems: [], swept: [] });
      expect(await debris(target), step).toEqual([]);
      expect((await restoredDisk(store, target, 'second')).equals(disks.second), step).toBe(true);
    });
    // Blocks that second shares with first were written to a new pack.
    expect(steps.filter((step) => /rename packs.prune\..*pack/.test(step)).length).toBeGreaterThan(0);
  });

  it('of a restore shows the machine whole or not at all, and the repeated restore ends', async () => {
    await killAtEveryStep('restore', async (target, step) => {
      const site = await openSite(target);
      const { machines, problems } = await site.readMachines();
      expect(problems, step).toEqual([]);
      for (const {
        disks: [disk],
      } of machines) {
        expect((await readFile(disk?.path ?? '')).equals(disks.second), step).toBe(true);
      }
      expect(await runAction({ source: world.source.path, target, action: 'restore', killAt: 0 })).toHaveProperty(
        'steps',
      );
      const made = await site.readMachine('made');
      expect((await readFile(made.disks[0]?.path ?? '')).equals(disks.second), step).toBe(true);
      expect(await debris(target), step).toEqual([]);
    });
  });
});

it('what is durable is flushed before it is named, and a manifest comes after all that it needs', async () => {
  const target = await copyTarget();
  const ending = await runAction({ source: world.source.path, target, action: 'sync', killAt: 0 });
  const steps = 'steps' in ending ? ending.steps : [];
  const kinds = steps.map((step) => step.replace(/last\.[0-9a-f]+/, 'x').replace(/[0-9a-f]{64}/, 'leaf'));
  const at = (kind: string) => kinds.lastIndexOf(kind);
  const manifest = at('rename instances/last.json');
  expect(kinds.filter((kind) => kind === 'rename packs/x.pack').length).toBeGreaterThan(1);
  for (const [index, kind] of kinds.entries()) {
    if (kind === 'rename packs/x.pack') expect(kinds.slice(0, index)).toContain('flush tmp/x.pack');
  }
  expect(at('rename packs/x.index')).toBeLessThan(at('flush-folder replication-1/packs'));
  expect(at('rename leaves/leaf')).toBeLessThan(at('flush-folder replication-1/leaves'));
  expect(at('flush-folder replication-1/packs')).toBeLessThan(manifest);
  expect(at('flush-folder replication-1/leaves')).toBeLessThan(manifest);
  expect(manifest).toBeLessThan(at('flush-folder replication-1/instances'));
});
