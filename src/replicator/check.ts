import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readNames, type StoreProblem } from './catalog.ts';
import { adoptPacks, indexOf, type StoreContext, sweepTemporary, writeIndex } from './context.ts';
import { flushFolder } from './durable.ts';
import { throwIfCancelled } from './error.ts';
import { ownerOf } from './layout.ts';
import { markStore } from './mark.ts';
import { indexPath, scanPack } from './pack.ts';
import { dropRemoved, emptyTrash, sweepUnused } from './prune.ts';
import { mendStoreFile } from './store-file.ts';

/** What a check must leave alone. */
export interface CheckOptions {
  /** Tasks that run or will go on. Their unfinished files stay, so that a repeated sync does not transfer them again. */
  liveSyncIds?: ReadonlySet<string> | undefined;
  /** Keys of removed instances that are still being restored. */
  restoring?: readonly string[] | undefined;
  /** Keys of the instances that should be there. While one's manifest is missing, nothing that it may need is swept. */
  expected?: readonly string[] | undefined;
  /**
   * Runs a piece of the check while nothing else can begin to work on the store, or answers false without running it, when
   * something has worked on it since the check began: then nothing is touched. Most of a check only reads.
   */
  exclusively?: ((work: () => Promise<void>) => Promise<boolean>) | undefined;
  signal?: AbortSignal | undefined;
}

/** What a check found and did. */
export interface CheckResult {
  /** Damage, each with the file and the instances that it costs (none where it could be mended). */
  problems: StoreProblem[];
  /** Names of the files that belonged to nobody and were removed. */
  swept: string[];
}

/**
 * Looks at the structure of a store: its files, manifests, leaves, pack indexes, and that every block has its place. Mends
 * what can be mended (a copy of store.json, an index) and removes debris. The blocks' own bytes are verify's work.
 */
export async function checkStore(context: StoreContext, o: CheckOptions): Promise<CheckResult> {
  const exclusively = o.exclusively ?? alone;
  const live = o.liveSyncIds ?? new Set();
  const result: CheckResult = { problems: [], swept: [] };
  const isMended = await exclusively(async () => {
    result.problems.push(...(await mendStoreFile(context.layout, context.replicationId, context.steps)));
    await emptyTrash(context);
    const swept = await sweepTemporary(context, (owner) => !live.has(owner));
    result.swept.push(...swept.map((path) => basename(path)));
    await adoptPacks(context);
    await dropRemoved(context, o.restoring ?? []);
  });
  throwIfCancelled(o.signal);
  const marks = await markStore(context, o.restoring ?? [], o.signal);
  result.problems.push(...marks.problems);
  // What a sync under way has written or relies on is in no manifest yet, and a missing manifest may be put back.
  const owners = [...(await readNames(context.layout.temporary)), ...(await readNames(context.layout.packs))].map(
    ownerOf,
  );
  const isSyncing = owners.some((owner) => live.has(owner) && !marks.keys.has(owner));
  const isMissing = o.expected?.some((key) => !marks.keys.has(key)) ?? false;
  throwIfCancelled(o.signal);
  if (!isMended) return result;
  await exclusively(async () => {
    for (const problem of marks.catalog.problems) await mendIndex(context, problem.file);
    if (!isSyncing && !isMissing) result.swept.push(...(await sweepUnused(context, marks)));
  });
  return result;
}

const alone = async (work: () => Promise<void>) => {
  await work();
  return true;
};

/** Writes a damaged index anew from its pack, when the pack's row of records is whole. */
async function mendIndex({ layout, steps }: StoreContext, file: string): Promise<void> {
  if (!file.endsWith('.index')) return;
  const packPath = join(layout.packs, basename(file).replace(/\.index$/, '.pack'));
  const { entries, packBytes, whole } = await scanPack(packPath);
  if (!whole) return;
  const content = indexOf(entries, packBytes);
  const present = await readFile(indexPath(packPath));
  if (present.equals(content)) return;
  await writeIndex(layout, packPath, content, steps);
  await flushFolder(layout.packs, steps);
}
