import type { MachineReport } from '../connectors/connector.ts';
import type { Domain, Tx } from './context.ts';
import { InvalidInputError, NotFoundError } from './error.ts';
import { isId } from './id.ts';
import { requireOperator } from './permission.ts';
import { connectorOf } from './replication-address.ts';
import { aboutSite, siteEntity } from './site.ts';
import { submitTask, type TaskOptions } from './task.ts';
import type { Viewer } from './viewer.ts';
import { visibleProviders, visibleSites } from './visibility.ts';

/** Reads what machines a provider's sites hold now, or one site of it. */
export async function syncInventory(
  domain: Domain,
  viewer: Viewer,
  input: TaskOptions & { providerId: string; siteId?: string | null },
): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'synchronize inventories');
  const { providerId } = input;
  const siteId = input.siteId ?? null;
  const submitted = await submitTask(domain, viewer, {
    kind: 'SYNC_INVENTORY',
    request: { providerId, siteId },
    options: input,
    entityKey: siteId === null ? `provider:${providerId}` : siteEntity(siteId),
    find: async (tx) => {
      if (!isId(providerId)) throw noProvider();
      const provider = await tx.provider.findFirst({ where: { AND: [visibleProviders(viewer), { id: providerId }] } });
      if (!provider) throw noProvider();
      return { provider, site: siteId === null ? null : await findSite(tx, viewer, provider, siteId) };
    },
    prepare: async (_, { provider, site }) => {
      connectorOf(domain, provider);
      const about = site ? aboutSite(site) : aboutProvider(provider);
      return { input: { providerId, siteId }, about };
    },
  });
  return { taskId: submitted?.taskId ?? null };
}

async function findSite(tx: Tx, viewer: Viewer, provider: { id: string; name: string }, siteId: string) {
  if (!isId(siteId)) throw noSite();
  const site = await tx.site.findFirst({ where: { AND: [visibleSites(viewer), { id: siteId, removedAt: null }] } });
  if (!site) throw noSite();
  if (site.providerId === provider.id) return site;
  const message = `The site ${site.name} does not belong to the provider ${provider.name}. Leave it out, or name one of its sites.`;
  throw new InvalidInputError([{ path: ['siteId'], message }]);
}

function aboutProvider({ id, name }: { id: string; name: string }) {
  return { providerId: id, resourceType: 'Provider', resourceId: id, resourceName: name };
}

/** The columns of a machine's row that come from a report. */
export function machineColumns(machine: MachineReport) {
  return {
    nativeId: machine.nativeId,
    name: machine.name,
    description: machine.description,
    powerState: machine.powerState,
    nativePowerState: machine.nativePowerState,
    cpus: machine.cpus,
    coresPerSocket: machine.coresPerSocket,
    memoryMb: machine.memoryMb,
    nics: [...machine.nics],
  };
}

/** The rows of a machine's disks. */
export function diskRows(machine: Pick<MachineReport, 'disks'>) {
  return machine.disks.map(({ key, file, sizeBytes }) => ({ key, file, sizeBytes: BigInt(sizeBytes) }));
}

const noProvider = () => new NotFoundError('No provider has this id, or you may not see it.');
const noSite = () => new NotFoundError('No site has this id, or you may not see it.');
