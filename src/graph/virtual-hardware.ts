import { builder } from './builder.ts';

interface Hardware {
  cpus: number | null;
  coresPerSocket: number | null;
  memoryMb: number | null;
  disks: readonly { sizeBytes: bigint }[];
}

/** What a machine is made of, from its row and the disks that count. */
export const VirtualHardware = builder.objectRef<Hardware>('VirtualHardware').implement({
  description: 'What a machine is made of, as the last inventory saw it (VCDA: virtual-hardware).',
  fields: (t) => ({
    cpus: t.exposeInt('cpus', {
      nullable: true,
      description: 'Virtual processors; null when the provider does not say.',
    }),
    coresPerSocket: t.exposeInt('coresPerSocket', {
      nullable: true,
      description: 'Cores of each virtual socket; null when the provider does not say.',
    }),
    memoryMb: t.exposeInt('memoryMb', {
      nullable: true,
      description: 'Memory in MiB; null when the provider does not say.',
    }),
    storageMb: t.float({
      description:
        'The capacities of the disks in MiB, added up; of a replication only the disks that it replicates. Not what they really occupy.',
      resolve: ({ disks }) => disks.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0) / 1_048_576,
    }),
  }),
});
