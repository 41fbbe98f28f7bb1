import { builder } from './builder.ts';
import type { EntityType } from './entity.ts';

const resourceTypes = [
  'Provider',
  'Site',
  'Organization',
  'VirtualMachine',
  'Replication',
  'Instance',
] as const satisfies readonly EntityType[];

/** True for the names of types that implement Resource. */
export function isResourceType(type: string): type is (typeof resourceTypes)[number] {
  return resourceTypes.some((resource) => resource === type);
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
