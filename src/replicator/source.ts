import { stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ReplicatorError, systemCode, systemError, throwIfCancelled } from './error.ts';

/** What of a file moves when somebody writes to it or puts another in its place. */
export interface SourceState {
  path: string;
  sizeBytes: number;
  /** Device, inode, size, mtime and ctime in one string. ctime cannot be set back, as `touch -d` does with mtime. */
  mark: string;
}

/**
 * Kernels stamp files with a coarse clock (a tick of up to 10 ms; 2 s on FAT and some network file systems). A write in
 * the same tick as an earlier one does not move mtime. So a reading may only begin when the last write is older than
 * a tick: then any later one moves it. Writes through mmap to a page that is dirty already move nothing
 * until it is flushed; no one can see those.
 */
const tickMs = 20;
const coarseTickMs = 2100;
const maxWaits = 5;

/** The state of a disk from which on every write will show; waits out the clock's tick where it must. */
export async function settledState(path: string, signal: AbortSignal | undefined): Promise<SourceState> {
  for (let waits = 0; ; waits += 1) {
    const { state, freshMs } = await look(path);
    if (freshMs <= 0 || waits === maxWaits) return state;
    try {
      await wait(freshMs, undefined, signal ? { signal } : {});
    } catch (error) {
      throwIfCancelled(signal);
      throw error;
    }
  }
}

/** True when the disk has not been written to or replaced since `before`. */
export async function isUnchanged(before: SourceState): Promise<boolean> {
  return (await look(before.path)).state.mark === before.mark;
}

async function look(path: string): Promise<{ state: SourceState; freshMs: number }> {
  const now = Date.now();
  const entry = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw systemError(error, 'look at', path);
    throw new ReplicatorError('SOURCE_MISSING', `The disk ${path} is not there. Put it back and run the task again.`, {
      cause: error,
    });
  });
  const { dev, ino, size, mtimeMs, mtimeNs, ctimeMs, ctimeNs } = entry;
  const age = now - Math.max(Number(mtimeMs), Number(ctimeMs));
  const tick = mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n ? coarseTickMs : tickMs;
  return {
    state: { path, sizeBytes: Number(size), mark: [dev, ino, size, mtimeNs, ctimeNs].join(':') },
    // Stamps of the future (a server's clock that runs ahead, a set mtime) would be waited for in vain.
    freshMs: age > -tick && age < tick ? tick - age : 0,
  };
}
