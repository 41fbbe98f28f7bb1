import { mkdir, open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { StoreContext } from './context.ts';
import { flushFile, flushFolder, remove, renameDurably } from './durable.ts';
import { ReplicatorError, systemCode, systemError, throwIfCancelled, translated } from './error.ts';
import { checkId } from './layout.ts';
import { type MachineFolder, machineFileName, type PowerState, readMachineFile, writeMachineFile } from './machine.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { isInside } from './path.ts';
import { type ReadProgress, readInstance } from './reading.ts';
import { entryOf, machineFolderPath, readMachineFolder, temporaryFolder } from './site.ts';

/** What a restore is asked for. */
export interface RestoreOptions {
  /** The instance to restore. */
  key: string;
  /** The task's id. A restore repeated with it removes its own debris first, or answers with what it published already. */
  restoreId: string;
  /** `<root of a site>/vms/<name>`; it must not exist. */
  targetFolder: string;
  machine: { id: string; name: string; powerState: PowerState };
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ReadProgress) => void) | undefined;
  /** Called when only the rename of the folder is left; when it throws, nothing is published. */
  beforePublish?: (() => Promise<void>) | undefined;
}

/** Makes a machine of an instance: verified, whole, and by one rename there or not there. */
export async function restoreInstance(context: StoreContext, o: RestoreOptions): Promise<MachineFolder> {
  const { root, target } = await openTarget(o.targetFolder);
  const done = await ownEarlierWork(root, target, o.restoreId);
  if (done) return done;
  const manifest = await readManifest(context.layout, checkId('instance', o.key), context.keys);
  const work = join(await temporaryFolder(root), checkId('restore', o.restoreId));
  await remove(work, context.steps);
  try {
    await writeMachine(context, manifest, work, o);
    await o.beforePublish?.();
    throwIfCancelled(o.signal);
    await refuseTaken(target);
    await publish(context, work, target);
  } catch (error) {
    await remove(work, context.steps);
    throw error;
  }
  return await readMachineFolder(root, target);
}

/** The site and the folder to be made, checked: nothing is written outside of the site. */
async function openTarget(targetFolder: string): Promise<{ root: string; target: string }> {
  const vms = dirname(targetFolder);
  if (!isAbsolute(targetFolder) || basename(vms) !== 'vms') {
    throw new ReplicatorError('INVALID_ARGUMENT', `${targetFolder} is not <root of a site>/vms/<name>.`);
  }
  const root = await translated('find', dirname(vms), () => realpath(dirname(vms)));
  const target = machineFolderPath(root, basename(targetFolder));
  await translated('make', join(root, 'vms'), () => mkdir(join(root, 'vms'), { recursive: true }));
  const realVms = await translated('find', join(root, 'vms'), () => realpath(join(root, 'vms')));
  if (!isInside(root, realVms)) {
    throw new ReplicatorError('PATH_OUTSIDE_ROOT', `${join(root, 'vms')} leads to ${realVms}, outside of the site.`);
  }
  return { root, target };
}

/** The machine, when this very restore has published it already and its process ended before it could tell. */
async function ownEarlierWork(root: string, target: string, restoreId: string): Promise<MachineFolder | null> {
  if ((await entryOf(target)) === null) return null;
  if ((await entryOf(join(target, machineFileName))) !== null) {
    const { origin } = await readMachineFile(target);
    if (origin?.restoreId === restoreId) return await readMachineFolder(root, target);
  }
  throw nameTaken(target);
}

async function refuseTaken(target: string): Promise<void> {
  if ((await entryOf(target)) !== null) throw nameTaken(target);
}

function nameTaken(target: string, cause?: unknown): ReplicatorError {
  return new ReplicatorError(
    'NAME_TAKEN',
    `${target} exists already and is never overwritten. Choose another name or remove that machine.`,
    { cause },
  );
}

async function writeMachine(context: StoreContext, manifest: Manifest, work: string, o: RestoreOptions): Promise<void> {
  const folders = new Set<string>([work]);
  for (const disk of manifest.disks) {
    const path = join(work, disk.file);
    for (let folder = dirname(path); folder.length > work.length; folder = dirname(folder)) folders.add(folder);
    await translated('make', path, async () => {
      await mkdir(dirname(path), { recursive: true });
      await using file = await open(path, 'wx');
      // Only what is not zero will be written: the rest stays a hole.
      await file.truncate(disk.sizeBytes);
    });
  }
  await translated('make', work, () => mkdir(work, { recursive: true }));
  await readInstance(context, manifest, {
    outputOf: (disk) => join(work, disk.file),
    signal: o.signal,
    onProgress: o.onProgress,
  });
  for (const disk of manifest.disks) {
    throwIfCancelled(o.signal);
    await flushFile(join(work, disk.file), context.steps);
  }
  const { nativeId: _, ...facts } = manifest.machine;
  await writeMachineFile(
    work,
    {
      ...facts,
      ...o.machine,
      disks: manifest.disks.map(({ key, file }) => ({ key, file })),
      origin: { replicationId: context.replicationId, instanceKey: manifest.key, restoreId: o.restoreId },
    },
    context.steps,
  );
  for (const folder of folders) await flushFolder(folder, context.steps);
}

/** rename(2) does not replace a folder with something in it, so of two restores to one name the second fails. */
async function publish(context: StoreContext, work: string, target: string): Promise<void> {
  try {
    await renameDurably(work, target, context.steps);
  } catch (error) {
    const code = error instanceof ReplicatorError ? systemCode(error.cause) : null;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') throw nameTaken(target, error);
    throw systemError(error, 'publish', target);
  }
  await flushFolder(dirname(target), context.steps);
}
