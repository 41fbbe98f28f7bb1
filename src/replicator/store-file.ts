import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { StoreProblem } from './catalog.ts';
import { type DurableSteps, writeFileDurably } from './durable.ts';
import { ReplicatorError, systemCode, systemError } from './error.ts';
import type { StoreLayout } from './layout.ts';
import { temporaryPath } from './manifest.ts';

const storeFileSchema = z.object({
  format: z.literal(1),
  replicationId: z.string(),
  createdAt: z.iso.datetime(),
  /** The store's key, wrapped under the service's (key.ts). */
  wrappedKey: z.base64(),
});

/** What `store.json` says. */
export type StoreFile = z.infer<typeof storeFileSchema>;

/** The content of a store file: two lines, the JSON and its sha256. */
export function formatStoreFile(file: StoreFile): Buffer {
  const body = JSON.stringify(file);
  return Buffer.from(`${body}\n${hash('sha256', body)}\n`);
}

/** Reads store.json, or its copy where it is damaged. Null when the store has neither. */
export async function readStoreFile(layout: StoreLayout, replicationId: string): Promise<StoreFile | null> {
  const copies = await readCopies(layout, replicationId);
  const good = copies.find((copy) => copy.file !== null);
  if (good?.file) return good.file;
  if (copies.every((copy) => copy.problem === null)) return null;
  throw new ReplicatorError('STORE_DAMAGED', copies.flatMap((copy) => copy.problem ?? []).join(' '));
}

/** Writes the damaged one of store.json and its copy anew from the other; answers what was wrong. */
export async function mendStoreFile(
  layout: StoreLayout,
  replicationId: string,
  steps: DurableSteps,
): Promise<StoreProblem[]> {
  const copies = await readCopies(layout, replicationId);
  const good = copies.find((copy) => copy.file !== null)?.file;
  if (!good) throw new ReplicatorError('STORE_DAMAGED', `${layout.storeFile} and its copy cannot be read.`);
  const problems: StoreProblem[] = [];
  for (const { path, file, problem } of copies) {
    if (file !== null) continue;
    problems.push({ file: path, message: `${problem ?? `${path} is missing.`} It was written again from its copy.` });
    await writeFileDurably({
      path,
      temporary: temporaryPath(layout, 'store'),
      content: formatStoreFile(good),
      steps,
    });
  }
  return problems;
}

async function readCopies(layout: StoreLayout, replicationId: string) {
  const copies: { path: string; file: StoreFile | null; problem: string | null }[] = [];
  for (const path of [layout.storeFile, layout.storeCopy]) {
    try {
      copies.push({ path, file: parseStoreFile(path, await readFile(path, 'utf8'), replicationId), problem: null });
    } catch (error) {
      if (error instanceof ReplicatorError) copies.push({ path, file: null, problem: error.message });
      else if (systemCode(error) === 'ENOENT') copies.push({ path, file: null, problem: null });
      else throw systemError(error, 'read', path);
    }
  }
  return copies;
}

function parseStoreFile(path: string, text: string, replicationId: string): StoreFile {
  const [body = '', digest, rest] = text.split('\n');
  const damaged = (why: string, cause?: unknown) => new ReplicatorError('STORE_DAMAGED', `${path} ${why}.`, { cause });
  if (rest !== '' || hash('sha256', body) !== digest) throw damaged('is damaged: its sha256 does not fit');
  const parsed = storeFileSchema.safeParse(JSON.parse(body));
  if (!parsed.success) throw damaged('has a format that this version does not know', parsed.error);
  if (parsed.data.replicationId === replicationId) return parsed.data;
  throw damaged(`belongs to the replication ${parsed.data.replicationId}, not to ${replicationId}`);
}
