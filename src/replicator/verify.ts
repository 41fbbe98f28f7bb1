import { readCatalog } from './catalog.ts';
import type { StoreContext } from './context.ts';
import { checkId } from './layout.ts';
import { readManifest } from './manifest.ts';
import { type InstanceProblem, type ReadProgress, readInstance } from './reading.ts';

/** More problems than this say no more. */
const maxProblems = 1000;

/** The result of a verification. */
export interface Verification {
  ok: boolean;
  /** What is damaged and cannot be restored; at most 1,000. */
  problems: InstanceProblem[];
  /** Damage beside it that costs nothing yet, such as a pack index that was replaced by its pack's headers. */
  warnings: { file: string; message: string }[];
}

/** Reads and verifies every block of an instance, writing nothing. A damaged manifest fails with STORE_DAMAGED. */
export async function verifyInstance(
  context: StoreContext,
  key: string,
  o: { signal?: AbortSignal | undefined; onProgress?: ((progress: ReadProgress) => void) | undefined },
): Promise<Verification> {
  const manifest = await readManifest(context.layout, checkId('instance', key), context.keys);
  const problems: InstanceProblem[] = [];
  const { problems: warnings } = await readCatalog(context.layout, 0);
  let count = 0;
  await readInstance(context, manifest, {
    outputOf: () => null,
    signal: o.signal,
    onProgress: o.onProgress,
    onProblem: (problem) => {
      count += 1;
      if (problems.length < maxProblems) problems.push(problem);
    },
  });
  return { ok: count === 0, problems, warnings };
}
