import type { Prisma } from '../../prisma/client/client.ts';
import { visibleOrganizations } from '../domain/visibility.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { between, containing } from './filter.ts';
import { rowId, rowIds } from './global-id.ts';
import { Replication, ReplicationConnection, replicationArgs, replicationList } from './replication.ts';
import { Resource } from './resource.ts';
import { Site, SiteConnection, siteArgs, siteList } from './site.ts';
import { Task, TaskConnection, taskArgs, taskList } from './task.ts';
import { VirtualMachine, VirtualMachineConnection, virtualMachineArgs, virtualMachineList } from './virtual-machine.ts';

export const Organization = builder.prismaNode('Organization', {
  id: { field: 'id' },
  select: { id: true },
  interfaces: [Resource],
  description: 'A tenant, as its provider knows it: whose machines and replications these are.',
});

builder.prismaObjectFields(Organization, (t) => ({
  name: t.exposeString('name', {
    description: 'Unique within its provider. LOCAL takes it from `organization` in `vm.json`.',
  }),
  nativeId: t.exposeString('nativeId', {
    nullable: true,
    description: "The provider's own id of the tenant; null where it has none.",
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When drgraph first knew of it.' }),
  updatedAt: t.expose('updatedAt', {
    type: 'DateTime',
    description: 'When anything drgraph keeps about it last changed.',
  }),
  provider: t.relation('provider', {
    description: 'The system that knows this tenant. The same company at two providers is two organizations.',
  }),
  sites: t.connection(
    { type: Site, description: 'Places where it has machines.', args: siteArgs, ...siteList.related('sites') },
    SiteConnection,
  ),
  virtualMachines: t.connection(
    {
      type: VirtualMachine,
      description: 'Its machines, at all sites.',
      args: virtualMachineArgs,
      ...virtualMachineList.related('virtualMachines'),
    },
    VirtualMachineConnection,
  ),
  replications: t.connection(
    {
      type: Replication,
      description: 'The protection of its machines.',
      args: replicationArgs,
      ...replicationList.related('replications'),
    },
    ReplicationConnection,
  ),
  tasks: t.connection(
    { type: Task, description: 'Work about what it owns, newest first.', args: taskArgs, ...taskList.related('tasks') },
    TaskConnection,
  ),
}));

keyedById(Organization, 'Organization');

const OrganizationFilter = builder.inputType('OrganizationFilter', {
  description: 'Conditions on organizations, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these organizations. Ids of other types match nothing.' }),
    nameContains: t.string({ description: 'Part of the name, in any case. No wildcards: % and _ mean themselves.' }),
    providerIdIn: t.idList({ description: 'Only tenants of these providers.' }),
    siteIdIn: t.idList({ description: 'Only tenants with machines at one of these sites.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Known to drgraph since later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Known to drgraph since earlier than this.' }),
  }),
});

function where(filter: typeof OrganizationFilter.$inferInput = {}): Prisma.OrganizationWhereInput {
  return {
    id: { in: rowIds('Organization', filter.idIn) },
    name: containing(filter.nameContains),
    providerId: { in: rowIds('Provider', filter.providerIdIn) },
    sites: filter.siteIdIn ? { some: { id: { in: rowIds('Site', filter.siteIdIn) } } } : undefined,
    createdAt: between(filter.createdAfter, filter.createdBefore),
  };
}

const order = {
  NAME: { column: 'name', kind: 'text', description: 'By name, in the order of the database (usually by code point).' },
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when drgraph first knew of the tenant.' },
} satisfies Record<string, OrderField>;

export const organizationArgs = listArgs(OrganizationFilter, orderInput('Organization', order));

export const organizationList = defineList({
  type: 'Organization',
  visible: visibleOrganizations,
  where,
  order,
  defaultOrder: [{ field: 'NAME' }],
  find: (prisma, query) => prisma.organization.findMany(query),
  count: (prisma, where) => prisma.organization.count({ where }),
});

export const OrganizationConnection = builder.connectionObject(
  { type: Organization, name: 'OrganizationConnection', description: 'A page of a list of organizations.' },
  { name: 'OrganizationEdge', description: 'An organization at its place in a list.' },
);

builder.queryFields((t) => ({
  organizations: t.connection(
    {
      type: Organization,
      description: 'All tenants of all providers, by default by name.',
      args: organizationArgs,
      resolve: (_root, args, context, info) => organizationList.page(args, context, info),
    },
    OrganizationConnection,
  ),
  organization: t.field({
    type: Organization,
    nullable: true,
    description: 'One tenant. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `Organization.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Organization', rowId('Organization', id)),
  }),
}));
