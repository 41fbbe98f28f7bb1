import { z } from 'zod';
import { applyInventory, databaseNow, type InventoryChanges } from '../domain/apply-inventory.ts';
import type { Tx } from '../domain/context.ts';
import { connectorOf, siteAddress } from '../domain/replication-address.ts';
import { type SiteProblem, siteProblems } from '../domain/stored.ts';
import { requestOfTask } from '../domain/task.ts';
import { defineJob, type Job, type JobContext, JobFailure } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { atProvider } from './failure.ts';

const inventoryCheckpoint = z.object({
  /** Sites that are done, read or not. */
  done: z.array(z.uuid()),
  failed: z.int(),
  machinesFound: z.int(),
  machinesAdded: z.int(),
  machinesChanged: z.int(),
  machinesRemoved: z.int(),
  problems: siteProblems,
});
type InventoryCheckpoint = z.infer<typeof inventoryCheckpoint>;
type InventoryContext = JobContext<InventoryCheckpoint, Tx>;

/** Reads the machines of one site, or of all sites of a provider, and makes the database say the same. */
export function syncInventoryJob(d: JobDependencies): Job<Tx> {
  return defineJob({
    kind: 'SYNC_INVENTORY',
    input: z.object({ ...requestOfTask, providerId: z.uuid(), siteId: z.uuid().nullable().default(null) }),
    checkpoint: inventoryCheckpoint,
    maxAttempts: 5,
    isCancellable: true,
    repeat: 'SAFE',
    run: async (context, { providerId, siteId }) => {
      const sites = await d.prisma.site.findMany({
        where: { providerId, removedAt: null, ...(siteId === null ? {} : { id: siteId }) },
        include: { provider: true },
        orderBy: { name: 'asc' },
      });
      let state = context.checkpoint ?? nothingYet;
      for (const site of sites) {
        if (!state.done.includes(site.id)) state = await readSite(d, context, site, state);
        context.report({ objectsDone: BigInt(state.done.length), objectsTotal: BigInt(sites.length) });
      }
      const { done, failed, ...found } = state;
      if (failed > 0 && failed === done.length) throw unreadable(found.problems);
      return {
        outcome: 'done',
        result: { type: 'INVENTORY', ...found },
        commit: async (tx: Tx) => {
          const status = failed > 0 ? 'DEGRADED' : 'CONNECTED';
          await tx.provider.update({ where: { id: providerId }, data: { status, lastSyncedAt: new Date() } });
        },
      };
    },
  });
}

const nothingYet: InventoryCheckpoint = {
  done: [],
  failed: 0,
  machinesFound: 0,
  machinesAdded: 0,
  machinesChanged: 0,
  machinesRemoved: 0,
  problems: [],
};

interface ReadSite {
  id: string;
  name: string;
  nativeId: string | null;
  path: string | null;
  provider: { kind: string; name: string };
}

/** One step a site: what one of them cannot answer costs the others nothing. */
async function readSite(
  d: JobDependencies,
  context: InventoryContext,
  site: ReadSite,
  before: InventoryCheckpoint,
): Promise<InventoryCheckpoint> {
  await context.check();
  const readAt = await databaseNow(d.prisma);
  try {
    const inventory = await atProvider(context.signal, () =>
      connectorOf(d, site.provider).readInventory(siteAddress(site), { signal: context.signal }),
    );
    const after = { ...before, done: [...before.done, site.id], problems: [...before.problems, ...inventory.problems] };
    await context.step(after, async (tx) => {
      const changes = await applyInventory(tx, { siteId: site.id, readAt, inventory });
      if (changes) addTo(after, changes);
    });
    for (const { message } of inventory.problems) context.warn({ code: 'MACHINE_UNUSABLE', message });
    return after;
  } catch (error) {
    if (!(error instanceof JobFailure)) throw error;
    const problem = { path: site.path ?? site.name, message: error.message };
    const after = {
      ...before,
      done: [...before.done, site.id],
      failed: before.failed + 1,
      problems: [...before.problems, problem],
    };
    await context.step(after, async (tx) => {
      await tx.site.update({ where: { id: site.id }, data: { problems: [problem] } });
    });
    context.warn({ code: error.failure.code, message: error.message });
    return after;
  }
}

function addTo(state: InventoryCheckpoint, changes: InventoryChanges): void {
  state.machinesFound += changes.machinesFound;
  state.machinesAdded += changes.machinesAdded;
  state.machinesChanged += changes.machinesChanged;
  state.machinesRemoved += changes.machinesRemoved;
}

function unreadable(problems: readonly SiteProblem[]): JobFailure {
  return new JobFailure({ code: 'SITE_UNREACHABLE', message: problems.map(({ message }) => message).join(' ') });
}
