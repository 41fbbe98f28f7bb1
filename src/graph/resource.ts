import type { ResourceType } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import type { EntityType } from './entity.ts';

const graphTypes = [
  'Provider',
  'Site',
  'Organization',
  'VirtualMachine',
  'Replication',
  'Instance',
] as const satisfies readonly (EntityType & ResourceType)[];

/** True for the names of types that implement Resource. */
export function isResourceType(type: string): type is (typeof graphTypes)[number] {
  return graphTypes.some((resource) => resource === type);
}

/** What a task can be about. Implementations are Prisma objects, loaded with their type's name. */
export const Resource = builder.interfaceRef<{ id: string; __typename?: string }>('Resource').implement({
  description:
    'An object that a task works on or touches: a replication, a site, a machine, a provider, a recovery point.',
  interfaces: [builder.nodeInterfaceRef()],
  resolveType: ({ __typename }) => __typename,
  fields: (t) => ({
    name: t.string({
      description: 'What people call it; not unique.',
      resolve: () => {
        throw new Error('Every type that is a Resource resolves its own name.');
      },
    }),
  }),
});

export const ResourceTypeEnum = builder.enumType('ResourceType', {
  description: 'Types of objects that a task can be about. Those without a type in this graph exist at providers.',
  values: {
    PROVIDER: { value: 'Provider', description: 'A whole connected system.' },
    SITE: { value: 'Site', description: 'A place where machines live or are recovered to.' },
    ORGANIZATION: { value: 'Organization', description: 'A tenant of a provider.' },
    VIRTUAL_MACHINE: { value: 'VirtualMachine', description: 'A machine, protected or recovered.' },
    REPLICATION: { value: 'Replication', description: 'The protection of a machine.' },
    INSTANCE: { value: 'Instance', description: 'A recovery point of a replication (Zerto: checkpoint).' },
    REPLICATION_GROUP: {
      value: 'ReplicationGroup',
      description: 'Machines that are protected together (Zerto: VPG; VCDA: vApp replication).',
    },
    POLICY: { value: 'Policy', description: 'Limits of what tenants may protect.' },
    BUNDLE: { value: 'Bundle', description: 'A file of logs and settings for support.' },
    BACKUP: { value: 'Backup', description: 'A stored copy of a machine (vProtect).' },
    BACKUP_DESTINATION: { value: 'BackupDestination', description: 'A place where backups are stored.' },
    APPLIANCE: {
      value: 'Appliance',
      description: 'A machine of the provider that moves data (Zerto: VRA; vProtect: node).',
    },
    HOST: { value: 'Host', description: 'A computer that runs machines, such as an ESXi server.' },
    TAPE: { value: 'Tape', description: 'A tape in a library.' },
  } as const satisfies Record<string, { value: ResourceType; description: string }>,
});
