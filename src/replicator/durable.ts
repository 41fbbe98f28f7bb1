import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { translated } from './error.ts';

/**
 * The one seam through which everything durable goes: called after each flush, rename and removal with its name and
 * file. Crash tests end the process here; nothing else may depend on it.
 */
export type DurableSteps = (step: 'flush' | 'rename' | 'flush-folder' | 'remove', path: string) => void;

const ignoreSteps: DurableSteps = () => {};

/** Brings a file's content to the disk. Any descriptor flushes what all have written. */
export async function flushFile(path: string, steps: DurableSteps = ignoreSteps): Promise<void> {
  await translated('flush', path, async () => {
    await using file = await open(path, 'r+');
    await file.datasync();
  });
  steps('flush', path);
}

/** Brings the names in a folder to the disk: a rename is durable only after this. */
export async function flushFolder(path: string, steps: DurableSteps = ignoreSteps): Promise<void> {
  await translated('flush', path, async () => {
    await using folder = await open(path, 'r');
    await folder.sync();
  });
  steps('flush-folder', path);
}

/** Renames; durable after flushFolder of the target's folder. */
export async function renameDurably(from: string, to: string, steps: DurableSteps = ignoreSteps): Promise<void> {
  await translated('rename', from, () => rename(from, to));
  steps('rename', to);
}

/** Removes a file or a folder; one that is gone already is no error, because removals are repeated after a crash. */
export async function remove(path: string, steps: DurableSteps = ignoreSteps): Promise<void> {
  await translated('remove', path, () => rm(path, { recursive: true, force: true }));
  steps('remove', path);
}

/** Writes a small file whole or not at all: temporary name, flush, rename, and the folder too unless the caller does it. */
export async function writeFileDurably(o: {
  path: string;
  temporary: string;
  content: Uint8Array;
  steps?: DurableSteps;
  /** For many files of one folder: the caller flushes the folder once, after the last. */
  folderLater?: boolean;
}): Promise<void> {
  await translated('write', o.path, async () => {
    await using file = await open(o.temporary, 'w');
    await file.writeFile(o.content);
    await file.datasync();
  });
  o.steps?.('flush', o.temporary);
  await renameDurably(o.temporary, o.path, o.steps);
  if (!o.folderLater) await flushFolder(dirname(o.path), o.steps);
}
