import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionType } from '../../src/replicator/codec.ts';
import type { DurableSteps } from '../../src/replicator/durable.ts';
import { ReplicatorError } from '../../src/replicator/error.ts';
import type { Geometry } from '../../src/replicator/layout.ts';
import type { MachineFolder } from '../../src/replicator/machine.ts';
import { openSite, type SiteRoot } from '../../src/replicator/site.ts';
import { openStore, type Store } from '../../src/replicator/store.ts';

/** Many blocks, leaves and packs in little data. */
export const tiny: Geometry = { blockBytes: 4096, leafBlocks: 8, packBytes: 48 * 1024 };

export const serviceKey = Buffer.alloc(32, 7);

export const connectionTypes = [
  'PLAIN',
  'ENCRYPTED',
  'ENCRYPTED_COMPRESSED',
] as const satisfies readonly ConnectionType[];

/** Two sites in temporary folders, removed with the world. */
export interface World extends AsyncDisposable {
  folder: string;
  source: SiteRoot;
  target: SiteRoot;
  /** Where the stores of the target lie. */
  stores: string;
  open(o?: { connectionType?: ConnectionType; geometry?: Geometry; onDurableStep?: DurableSteps }): Promise<Store>;
  /** Writes a machine of the source with these disks, and reads it back. */
  machine(name: string, disks: Record<string, Uint8Array>): Promise<MachineFolder>;
  /** Writes one disk of a machine again. */
  writeDisk(name: string, file: string, content: Uint8Array): Promise<void>;
}

/** Makes an empty world. */
export async function makeWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'drgraph-replicator-'));
  const opened: Store[] = [];
  const [source, target] = await Promise.all(
    ['source', 'target'].map(async (name) => {
      const root = join(folder, name);
      await mkdir(root);
      return await openSite(root);
    }),
  );
  if (!source || !target) throw new Error('The sites were not made.');
  return {
    folder,
    source,
    target,
    stores: join(target.path, '.drgraph', 'stores'),
    async open(o = {}) {
      const store = await openStore({
        root: target.path,
        replicationId: 'replication-1',
        serviceKey,
        connectionType: o.connectionType ?? 'PLAIN',
        create: true,
        geometry: o.geometry ?? tiny,
        ...(o.onDurableStep ? { onDurableStep: o.onDurableStep } : {}),
      });
      opened.push(store);
      return store;
    },
    async machine(name, disks) {
      const files = Object.keys(disks);
      await source.writeMachine(name, {
        id: `id-${name}`,
        cpus: 2,
        coresPerSocket: 1,
        memoryMb: 2048,
        nics: [{ network: 'lan', macAddress: '02:00:00:00:00:01' }],
        powerState: 'POWERED_ON',
        disks: files.map((file, index) => ({ key: 2000 + index, file })),
      });
      for (const file of files) await writeFile(join(source.path, 'vms', name, file), disks[file] ?? '');
      return await source.readMachine(`id-${name}`);
    },
    async writeDisk(name, file, content) {
      await writeFile(join(source.path, 'vms', name, file), content);
    },
    async [Symbol.asyncDispose]() {
      for (const store of opened) await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Bytes that do not compress and differ for each seed. */
export function noise(seed: string | number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let have = 0; have < length; have += 32) {
    parts.push(createHash('sha256').update(`${seed}/${have}`).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** Bytes that compress well and differ for each seed. */
export function text(seed: string | number, length: number): Buffer {
  return Buffer.alloc(length, `line of ${seed}\n`);
}

/** Restores an instance under a new name and answers the bytes of its disks. */
export async function restored(world: World, store: Store, key: string): Promise<Record<string, Buffer>> {
  restores += 1;
  const name = `restored-${restores}`;
  const targetFolder = join(world.target.path, 'vms', name);
  const machine = await store.restore({
    key,
    restoreId: `restore-${restores}`,
    targetFolder,
    machine: { id: name, name, powerState: 'POWERED_OFF' },
  });
  const disks: Record<string, Buffer> = {};
  for (const disk of machine.disks) disks[disk.file] = await readFile(disk.path);
  await rm(targetFolder, { recursive: true });
  return disks;
}

let restores = 0;

/** The code of the ReplicatorError that the action ends with; any other end is returned as it is. */
export async function codeOf(action: Promise<unknown>): Promise<unknown> {
  try {
    return { succeeded: await action };
  } catch (error) {
    return error instanceof ReplicatorError ? error.code : error;
  }
}

/** All files below a folder, relative, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
