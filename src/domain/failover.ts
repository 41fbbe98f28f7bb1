import { askProvider } from './connector-failure.ts';
import type { Domain, Tx } from './context.ts';
import { InvalidInputError } from './error.ts';
import { isId } from './id.ts';
import { checkMachineName } from './machine-name.ts';
import { requireOperator } from './permission.ts';
import { submitReplicationAction } from './replication-action.ts';
import { connectorOf, type LoadedReplication, siteAddress } from './replication-address.ts';
import type { TaskOptions } from './task.ts';
import type { Viewer } from './viewer.ts';

/** Which recovery point becomes a machine, and how the machine is called. */
export interface FailoverInput extends TaskOptions {
  replicationId: string;
  /** Without it: the newest one when the task starts. */
  instanceId?: string | null;
  /** Whether the machine's power state is POWERED_ON; false where not given. */
  powerOn?: boolean | null;
  /** The machine's name and folder. Failover: the source's name; test failover: that name and "-test". */
  vmName?: string | null;
}

/** Makes a machine from a recovery point to look at; it is removed by `cleanUpTestFailover`. */
export function testFailover(domain: Domain, viewer: Viewer, input: FailoverInput): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'test failovers');
  return submitFailover(domain, viewer, input, 'TEST_FAILOVER');
}

/** Makes the machine that takes over at the destination. Needs nothing of the source. */
export function failoverReplication(
  domain: Domain,
  viewer: Viewer,
  input: FailoverInput,
): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'fail over');
  return submitFailover(domain, viewer, input, 'FAILOVER');
}

/** Removes the machine that a test failover made; the replication can be tested and failed over again. */
export async function cleanUpTestFailover(
  domain: Domain,
  viewer: Viewer,
  input: TaskOptions & { replicationId: string },
): Promise<{ taskId: string | null }> {
  requireOperator(viewer, 'clean up test failovers');
  const submitted = await submitReplicationAction(domain, viewer, {
    action: 'CLEAN_UP_TEST_FAILOVER',
    kind: 'CLEAN_UP_TEST_FAILOVER',
    replicationId: input.replicationId,
    options: input,
  });
  return { taskId: submitted?.taskId ?? null };
}

async function submitFailover(
  domain: Domain,
  viewer: Viewer,
  input: FailoverInput,
  action: 'TEST_FAILOVER' | 'FAILOVER',
): Promise<{ taskId: string | null }> {
  const vmName = input.vmName ?? undefined;
  if (vmName !== undefined) checkMachineName(vmName, ['vmName']);
  const submitted = await submitReplicationAction(domain, viewer, {
    action,
    kind: action === 'FAILOVER' ? 'FAILOVER_REPLICATION' : 'TEST_FAILOVER',
    replicationId: input.replicationId,
    options: input,
    request: { instanceId: input.instanceId ?? undefined, powerOn: input.powerOn ?? false, vmName },
    prepare: async (tx, replication) => {
      if (input.instanceId) await checkInstance(tx, replication, input.instanceId);
      const suffix = action === 'TEST_FAILOVER' ? '-test' : '';
      const machineName = vmName ?? checkMachineName(`${replication.vmName}${suffix}`, ['vmName']);
      await checkNameIsFree(domain, tx, replication, machineName);
      return { instanceId: input.instanceId ?? null, powerOn: input.powerOn ?? false, machineName };
    },
  });
  return { taskId: submitted?.taskId ?? null };
}

async function checkInstance(tx: Tx, replication: LoadedReplication, instanceId: string): Promise<void> {
  const instance = isId(instanceId)
    ? await tx.instance.findFirst({ where: { id: instanceId, replicationId: replication.id } })
    : null;
  const refuse = (message: string) => new InvalidInputError([{ path: ['instanceId'], message }]);
  // An instance of another replication answers like none: the id says nothing about what else exists.
  if (!instance)
    throw refuse('This replication has no such instance. Choose one of its instances, or none for the newest.');
  if (instance.problem) throw refuse(`This instance cannot be used: ${instance.problem} Choose another one.`);
}

async function checkNameIsFree(domain: Domain, tx: Tx, replication: LoadedReplication, name: string): Promise<void> {
  const site = replication.destinationSite;
  const refuse = (message: string) => new InvalidInputError([{ path: ['vmName'], message }]);
  const known = await tx.virtualMachine.findFirst({ where: { siteId: site.id, name, removedAt: null } });
  const folders = connectorOf(domain, replication.provider).folders;
  const isTaken = known !== null || (await askProvider(async () => folders?.isNameTaken(siteAddress(site), name)));
  if (isTaken) throw refuse(`Something named "${name}" is at the site ${site.name} already. Give another vmName.`);
}
