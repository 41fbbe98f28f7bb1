import type { InstanceReport } from '../connectors/connector.ts';
import type { Tx } from './context.ts';

/** Writes the row of a recovery point whose files are durable; its sequence number is the replication's next. */
export async function insertInstance(
  tx: Tx,
  o: { id: string; replicationId: string; report: InstanceReport },
): Promise<void> {
  const { id, replicationId, report } = o;
  const { nextSequenceNumber } = await tx.replication.update({
    where: { id: replicationId },
    data: { nextSequenceNumber: { increment: 1 } },
    select: { nextSequenceNumber: true },
  });
  await tx.instance.create({
    data: {
      id,
      replicationId,
      key: report.key,
      sequenceNumber: nextSequenceNumber - 1,
      transferBytes: BigInt(report.transferBytes),
      transferSeconds: report.transferSeconds,
      sizeBytes: BigInt(report.sizeBytes),
      quiescedType: report.quiescedType,
      disks: report.disks.map((disk) => ({ ...disk })),
      createdAt: report.createdAt,
    },
  });
}
