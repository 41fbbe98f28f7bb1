import type { Domain, Tx } from './context.ts';
import { NotFoundError, UnsupportedError } from './error.ts';
import { isId } from './id.ts';
import { connectorOf, type LoadedReplication, replicationParts } from './replication-address.ts';
import { requireAction } from './replication-state.ts';
import { type Request, type Submitted, submitTask, type TaskOptions } from './task.ts';
import type { Viewer } from './viewer.ts';
import { visibleReplications } from './visibility.ts';
import type { ReplicationAction, TaskKind } from './vocabulary.ts';

/** The entity that every action on a replication works on: one at a time. */
export const replicationEntity = (replicationId: string) => `replication:${replicationId}`;

/**
 * Submits an action on an existing replication: it must be visible, idle and in a state that allows the action.
 * `prepare` makes the action's own checks and says what else its task is given.
 */
export function submitReplicationAction(
  domain: Domain,
  viewer: Viewer,
  o: {
    action: ReplicationAction;
    kind: TaskKind;
    replicationId: string;
    options: TaskOptions;
    request?: Request;
    prepare?(tx: Tx, replication: LoadedReplication): Promise<Record<string, unknown>>;
  },
): Promise<Submitted | null> {
  return submitTask(domain, viewer, {
    kind: o.kind,
    request: { replicationId: o.replicationId, ...o.request },
    options: o.options,
    entityKey: replicationEntity(o.replicationId),
    find: (tx) => findReplication(tx, viewer, o.replicationId),
    prepare: async (tx, replication) => {
      const { capabilities } = connectorOf(domain, replication.provider);
      if (!capabilities.includes(o.action)) {
        throw new UnsupportedError(`Provider ${replication.provider.name} cannot do ${o.action}.`);
      }
      const usable = await tx.instance.count({ where: { replicationId: replication.id, problem: null }, take: 1 });
      requireAction(o.action, replication, { hasUsableInstance: usable > 0, isBusy: false }, capabilities);
      const more = (await o.prepare?.(tx, replication)) ?? {};
      return { input: { replicationId: replication.id, ...more }, about: aboutReplication(replication) };
    },
  });
}

/** What a task about a replication says of itself. */
export function aboutReplication(replication: {
  id: string;
  providerId: string;
  destinationSiteId: string;
  sourceSiteId: string;
  organizationId: string | null;
  virtualMachineId: string;
  vmName: string;
}) {
  return {
    providerId: replication.providerId,
    siteId: replication.destinationSiteId,
    organizationId: replication.organizationId,
    replicationId: replication.id,
    virtualMachineId: replication.virtualMachineId,
    resourceType: 'Replication',
    resourceId: replication.id,
    resourceName: replication.vmName,
    relatedResources: [
      { type: 'VirtualMachine', id: replication.virtualMachineId },
      { type: 'Site', id: replication.sourceSiteId },
      { type: 'Site', id: replication.destinationSiteId },
    ],
  };
}

// NO KEY UPDATE: rows that only point at the replication (instances, tasks) may still be inserted meanwhile.
async function findReplication(tx: Tx, viewer: Viewer, id: string): Promise<LoadedReplication> {
  if (!isId(id)) throw absent();
  await tx.$queryRaw`SELECT 1 FROM "Replication" WHERE "id" = ${id}::uuid FOR NO KEY UPDATE`;
  const replication = await tx.replication.findFirst({
    where: { AND: [visibleReplications(viewer), { id }] },
    include: replicationParts,
  });
  if (!replication) throw absent();
  return replication;
}

const absent = () => new NotFoundError('No replication has this id, or you may not see it.');
