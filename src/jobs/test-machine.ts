import { databaseNow } from '../domain/apply-inventory.ts';
import type { Tx } from '../domain/context.ts';
import { connectorOf, type LoadedReplication, replicationAddress } from '../domain/replication-address.ts';
import type { JobContext } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';
import { atProvider } from './failure.ts';
import { trackWork } from './progress.ts';

const testMachines = (replicationId: string) => ({ recoveredFromId: replicationId, isTest: true, removedAt: null });

/** Removes the files of the machines that tests of this replication made. */
export async function removeTestMachines<Checkpoint>(
  d: JobDependencies,
  context: JobContext<Checkpoint, Tx>,
  replication: LoadedReplication,
): Promise<void> {
  const machines = await d.prisma.virtualMachine.findMany({ where: testMachines(replication.id) });
  const connector = connectorOf(d, replication.provider);
  const { work } = trackWork(context);
  for (const machine of machines) {
    context.report({ phase: 'CLEAN_UP' });
    await atProvider(context.signal, () => connector.cleanUp(replicationAddress(replication), machine, work));
  }
}

/** Marks the rows of the machines that tests of this replication made as removed. */
export async function forgetTestMachines(tx: Tx, replicationId: string): Promise<void> {
  await tx.virtualMachine.updateMany({
    where: testMachines(replicationId),
    data: { removedAt: await databaseNow(tx) },
  });
}
