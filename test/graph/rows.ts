import type { Prisma, PrismaClient } from '../../prisma/client/client.ts';

type Without<Row, Key extends PropertyKey> = Partial<Omit<Row, Key>>;

/** Rows as the domain would have written them; what a test does not care about has a value that makes sense. */
export function rowsIn(prisma: PrismaClient, provider: { id: string }) {
  const providerId = provider.id;
  return {
    organization: (name: string) => prisma.organization.create({ data: { providerId, name } }),
    site: (name: string, more: Without<Prisma.SiteUncheckedCreateInput, 'name'> = {}) =>
      prisma.site.create({ data: { providerId, name, type: 'ON_PREMISES', path: `/srv/${name}`, ...more } }),
    machine: (
      site: { id: string },
      name: string,
      more: Without<Prisma.VirtualMachineUncheckedCreateInput, 'name'> = {},
    ) =>
      prisma.virtualMachine.create({
        data: {
          providerId,
          siteId: site.id,
          nativeId: `id-${name}`,
          name,
          powerState: 'POWERED_ON',
          cpus: 2,
          coresPerSocket: 1,
          memoryMb: 512,
          disks: { create: [{ key: 2000, file: 'disk.raw', sizeBytes: 10_485_760n }] },
          ...more,
        },
      }),
    replication: (
      machine: { id: string; siteId: string; name: string },
      destination: { id: string },
      more: Partial<Prisma.ReplicationUncheckedCreateInput> = {},
    ) =>
      prisma.replication.create({
        data: {
          providerId,
          virtualMachineId: machine.id,
          vmName: machine.name,
          sourceSiteId: machine.siteId,
          destinationSiteId: destination.id,
          rpoMinutes: 60,
          dataConnectionType: 'ENCRYPTED_COMPRESSED',
          sourceState: 'IDLE',
          destinationState: 'READY',
          recoveryState: 'NOT_STARTED',
          dataConnectionState: 'OK',
          overallHealth: 'GREEN',
          ...more,
        },
      }),
    instance: (
      replication: { id: string },
      sequenceNumber: number,
      more: Partial<Prisma.InstanceUncheckedCreateInput> = {},
    ) =>
      prisma.instance.create({
        data: {
          replicationId: replication.id,
          key: `instance-${sequenceNumber}`,
          sequenceNumber,
          transferBytes: 1_000n,
          transferSeconds: 0.5,
          sizeBytes: 10_485_760n,
          quiescedType: 'UNQUIESCED',
          disks: [{ key: 2000, file: 'disk.raw', sizeBytes: 10_485_760, sha256: 'ab' }],
          createdAt: new Date(Date.UTC(2026, 0, 1, 0, sequenceNumber)),
          ...more,
        },
      }),
    task: (more: Partial<Prisma.TaskUncheckedCreateInput> = {}) =>
      prisma.task.create({ data: { kind: 'SYNC_REPLICATION', state: 'SUCCEEDED', providerId, ...more } }),
  };
}
