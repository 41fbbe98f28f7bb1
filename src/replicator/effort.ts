import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { readNames } from './catalog.ts';
import type { StoreContext } from './context.ts';
import { translated } from './error.ts';
import { ownerOf } from './layout.ts';

/** What making an instance took, over all attempts of its sync. */
export interface Effort {
  transferBytes: number;
  transferSeconds: number;
}

/** One attempt of a sync. The names of its packs carry the time at which it began, so that a later attempt can count it. */
export interface Attempt {
  packPrefix: string;
  /** What this attempt and those before it took, as far as they left durable packs. */
  effort(context: StoreContext): Promise<Effort>;
}

const timePattern = /^[^.]+\.([0-9a-f]{12})[0-9a-f]{12}\.pack$/;

/** Begins an attempt of the sync with this id. */
export function beginAttempt(syncId: string): Attempt {
  const began = performance.now();
  const time = Date.now().toString(16).padStart(12, '0');
  return {
    packPrefix: `${syncId}.${time}`,
    async effort({ layout }) {
      let transferBytes = 0;
      /** When each earlier attempt wrote its last durable pack: what it did after that was lost with it. */
      const lastWrites = new Map<string, number>();
      for (const name of await readNames(layout.packs)) {
        if (ownerOf(name) !== syncId || !name.endsWith('.pack')) continue;
        const path = join(layout.packs, name);
        const { size, mtimeMs } = await translated('look at', path, () => stat(path));
        transferBytes += size;
        const attempt = timePattern.exec(name)?.[1];
        if (attempt === undefined || attempt === time) continue;
        lastWrites.set(attempt, Math.max(lastWrites.get(attempt) ?? 0, mtimeMs));
      }
      let milliseconds = performance.now() - began;
      for (const [attempt, end] of lastWrites) milliseconds += Math.max(0, end - Number.parseInt(attempt, 16));
      return { transferBytes, transferSeconds: milliseconds / 1000 };
    },
  };
}
