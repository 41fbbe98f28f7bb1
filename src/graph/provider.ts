import type { Prisma } from '../../prisma/client/client.ts';
import { visibleProviders } from '../domain/visibility.ts';
import { known, providerKinds, providerStatuses } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { among, between, containing } from './filter.ts';
import { rowId, rowIds } from './global-id.ts';
import { Organization, OrganizationConnection, organizationArgs, organizationList } from './organization.ts';
import { Replication, ReplicationConnection, replicationArgs, replicationList } from './replication.ts';
import { ReplicationActionEnum } from './replication-state.ts';
import { Resource } from './resource.ts';
import { Site, SiteConnection, siteArgs, siteList } from './site.ts';
import { Task, TaskConnection, taskArgs, taskList } from './task.ts';
import { VirtualMachine, VirtualMachineConnection, virtualMachineArgs, virtualMachineList } from './virtual-machine.ts';
import { ProviderKindEnum, ProviderStatusEnum } from './vocabulary.ts';

export const Provider = builder.prismaNode('Provider', {
  id: { field: 'id' },
  select: { id: true },
  interfaces: [Resource],
  description:
    "A system that protects machines: drgraph's own engine (LOCAL, there from the first start) or a vendor's installation.",
});

builder.prismaObjectFields(Provider, (t) => ({
  kind: t.field({
    type: ProviderKindEnum,
    nullable: true,
    select: { kind: true },
    description: 'Which product it is. Null for a product that this version does not know.',
    resolve: ({ kind }) => providerKinds.find((candidate) => candidate === kind),
  }),
  name: t.exposeString('name', { description: 'Chosen by whoever connected it; unique.' }),
  url: t.exposeString('url', {
    nullable: true,
    description: 'Where its API is; null for LOCAL, which runs inside drgraph.',
  }),
  status: t.field({
    type: ProviderStatusEnum,
    select: { status: true },
    description: 'Whether it answers. What the graph shows of a provider that does not is what was last read.',
    resolve: ({ status }) => known(providerStatuses, status),
  }),
  productVersion: t.exposeString('productVersion', {
    nullable: true,
    description: 'What it says its version is; null before it was asked.',
  }),
  capabilities: t.field({
    type: [ReplicationActionEnum],
    select: { kind: true },
    description:
      'What can be done to replications of this provider at all; others answer UnsupportedError. `Replication.availableActions` says what can be done now.',
    resolve: ({ kind }, _args, { domain }) => {
      const ours = providerKinds.find((candidate) => candidate === kind);
      return ours ? [...domain.connector(ours).capabilities] : [];
    },
  }),
  lastSyncedAt: t.expose('lastSyncedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When its inventory was last read as a whole; null before the first time.',
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was connected to drgraph.' }),
  updatedAt: t.expose('updatedAt', {
    type: 'DateTime',
    description: 'When anything drgraph keeps about it last changed.',
  }),
  sites: t.connection(
    {
      type: Site,
      description: 'Places that it manages, by default by name; those taken out of use when the filter asks for them.',
      args: siteArgs,
      ...siteList.related('sites'),
    },
    SiteConnection,
  ),
  organizations: t.connection(
    {
      type: Organization,
      description: 'Tenants that it knows.',
      args: organizationArgs,
      ...organizationList.related('organizations'),
    },
    OrganizationConnection,
  ),
  virtualMachines: t.connection(
    {
      type: VirtualMachine,
      description: 'Machines of all its sites.',
      args: virtualMachineArgs,
      ...virtualMachineList.related('virtualMachines'),
    },
    VirtualMachineConnection,
  ),
  replications: t.connection(
    {
      type: Replication,
      description: 'Replications that it runs.',
      args: replicationArgs,
      ...replicationList.related('replications'),
    },
    ReplicationConnection,
  ),
  tasks: t.connection(
    {
      type: Task,
      description: 'Work done by it or about it, newest first.',
      args: taskArgs,
      ...taskList.related('tasks'),
    },
    TaskConnection,
  ),
}));

keyedById(Provider, 'Provider');

const ProviderFilter = builder.inputType('ProviderFilter', {
  description: 'Conditions on providers, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these providers. Ids of other types match nothing.' }),
    nameContains: t.string({ description: 'Part of the name, in any case. No wildcards: % and _ mean themselves.' }),
    kindIn: t.field({ type: [ProviderKindEnum], description: 'Only these products.' }),
    statusIn: t.field({ type: [ProviderStatusEnum], description: 'Only providers that stand so.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Connected later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Connected earlier than this.' }),
  }),
});

function where(filter: typeof ProviderFilter.$inferInput = {}): Prisma.ProviderWhereInput {
  return {
    id: { in: rowIds('Provider', filter.idIn) },
    name: containing(filter.nameContains),
    kind: { in: filter.kindIn ?? undefined },
    status: among(providerStatuses, filter.statusIn),
    createdAt: between(filter.createdAfter, filter.createdBefore),
  };
}

const order = {
  NAME: { column: 'name', kind: 'text', description: 'By name, in the order of the database (usually by code point).' },
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when it was connected.' },
} satisfies Record<string, OrderField>;

export const providerArgs = listArgs(ProviderFilter, orderInput('Provider', order));

export const providerList = defineList({
  type: 'Provider',
  visible: visibleProviders,
  where,
  order,
  defaultOrder: [{ field: 'NAME' }],
  find: (prisma, query) => prisma.provider.findMany(query),
  count: (prisma, where) => prisma.provider.count({ where }),
});

const ProviderConnection = builder.connectionObject(
  { type: Provider, name: 'ProviderConnection', description: 'A page of a list of providers.' },
  { name: 'ProviderEdge', description: 'A provider at its place in a list.' },
);

builder.queryFields((t) => ({
  providers: t.connection(
    {
      type: Provider,
      description: 'Every connected system, by default by name.',
      args: providerArgs,
      resolve: (_root, args, context, info) => providerList.page(args, context, info),
    },
    ProviderConnection,
  ),
  provider: t.field({
    type: Provider,
    nullable: true,
    description: 'One connected system. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `Provider.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Provider', rowId('Provider', id)),
  }),
}));
