import type { Prisma } from '../../prisma/client/client.ts';
import { siteProblems } from '../domain/stored.ts';
import { visibleSites } from '../domain/visibility.ts';
import { known, siteTypes } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { among, between, containing, removal, removalFields } from './filter.ts';
import { rowId, rowIds } from './global-id.ts';
import { Organization, OrganizationConnection, organizationArgs, organizationList } from './organization.ts';
import { Replication, ReplicationConnection, replicationArgs, replicationList } from './replication.ts';
import { Resource } from './resource.ts';
import { Task, TaskConnection, taskArgs, taskList } from './task.ts';
import { VirtualMachine, VirtualMachineConnection, virtualMachineArgs, virtualMachineList } from './virtual-machine.ts';
import { SiteTypeEnum } from './vocabulary.ts';

const SiteProblem = builder.objectRef<{ path: string; message: string }>('SiteProblem').implement({
  description: 'Something in a site that the last inventory could not use; the rest of the site was read.',
  fields: (t) => ({
    path: t.exposeString('path', { description: "The file or folder, relative to the site's root." }),
    message: t.exposeString('message', { description: 'What is wrong with it and what to do.' }),
  }),
});

export const Site = builder.prismaNode('Site', {
  id: { field: 'id' },
  select: { id: true },
  interfaces: [Resource],
  description:
    'A place where machines live or are recovered to. Replications go from one site to another, of the same provider.',
});

builder.prismaObjectFields(Site, (t) => ({
  name: t.exposeString('name', { description: 'Unique among the sites of its provider that are in use.' }),
  type: t.field({
    type: SiteTypeEnum,
    select: { type: true },
    description: 'Whether it is at a cloud provider or in your own rooms.',
    resolve: ({ type }) => known(siteTypes, type),
  }),
  nativeId: t.exposeString('nativeId', {
    nullable: true,
    description: "The provider's own id of the site; null where it has none, as LOCAL.",
  }),
  path: t.exposeString('path', {
    nullable: true,
    description:
      "LOCAL: the site's storage root, an absolute path on the machine that drgraph runs on. Machines are the folders in `vms/` below it. Null for other kinds.",
  }),
  problems: t.field({
    type: [SiteProblem],
    select: { problems: true },
    description: 'What the last inventory found and could not use. Empty when all was well.',
    resolve: ({ problems }) => siteProblems.parse(problems),
  }),
  lastSyncedAt: t.expose('lastSyncedAt', {
    type: 'DateTime',
    nullable: true,
    description:
      'When an inventory last succeeded; null before the first. What the graph says about the machines is as old as that.',
  }),
  removedAt: t.expose('removedAt', {
    type: 'DateTime',
    nullable: true,
    description:
      'When it was taken out of use; null while in use. Removed sites stay readable for the history of their replications.',
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When drgraph first knew of it.' }),
  updatedAt: t.expose('updatedAt', {
    type: 'DateTime',
    description: 'When anything drgraph keeps about it last changed.',
  }),
  provider: t.relation('provider', { description: 'The system that it belongs to.' }),
  organizations: t.connection(
    {
      type: Organization,
      description: 'Tenants with machines here.',
      args: organizationArgs,
      ...organizationList.related('organizations'),
    },
    OrganizationConnection,
  ),
  virtualMachines: t.connection(
    {
      type: VirtualMachine,
      description: 'Machines that are here, by default by name; those that are gone when the filter asks for them.',
      args: virtualMachineArgs,
      ...virtualMachineList.related('virtualMachines'),
    },
    VirtualMachineConnection,
  ),
  outgoingReplications: t.connection(
    {
      type: Replication,
      description: 'Replications of machines that live here.',
      args: replicationArgs,
      ...replicationList.related('outgoingReplications'),
    },
    ReplicationConnection,
  ),
  incomingReplications: t.connection(
    {
      type: Replication,
      description: 'Replications that keep their recovery points here.',
      args: replicationArgs,
      ...replicationList.related('incomingReplications'),
    },
    ReplicationConnection,
  ),
  tasks: t.connection(
    {
      type: Task,
      description: "Work done here, newest first: a replication's tasks belong to its destination.",
      args: taskArgs,
      ...taskList.related('tasks'),
    },
    TaskConnection,
  ),
}));

keyedById(Site, 'Site');

const SiteFilter = builder.inputType('SiteFilter', {
  description: 'Conditions on sites, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these sites. Ids of other types match nothing.' }),
    nameContains: t.string({ description: 'Part of the name, in any case. No wildcards: % and _ mean themselves.' }),
    providerIdIn: t.idList({ description: 'Only sites of these providers.' }),
    typeIn: t.field({ type: [SiteTypeEnum], description: 'Only sites of these kinds.' }),
    ...removalFields(t, 'taken out of use'),
    createdAfter: t.field({ type: 'DateTime', description: 'Known to drgraph since later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Known to drgraph since earlier than this.' }),
  }),
});

function where(filter: typeof SiteFilter.$inferInput = {}): Prisma.SiteWhereInput {
  return {
    id: { in: rowIds('Site', filter.idIn) },
    name: containing(filter.nameContains),
    providerId: { in: rowIds('Provider', filter.providerIdIn) },
    type: among(siteTypes, filter.typeIn),
    removedAt: removal(filter),
    createdAt: between(filter.createdAfter, filter.createdBefore),
  };
}

const order = {
  NAME: { column: 'name', kind: 'text', description: 'By name, in the order of the database (usually by code point).' },
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when drgraph first knew of the site.' },
  LAST_SYNCED_AT: {
    column: 'lastSyncedAt',
    kind: 'moment',
    nullable: true,
    description: 'By the last inventory that succeeded.',
  },
} satisfies Record<string, OrderField>;

export const siteArgs = listArgs(SiteFilter, orderInput('Site', order));

export const siteList = defineList({
  type: 'Site',
  visible: visibleSites,
  where,
  order,
  defaultOrder: [{ field: 'NAME' }],
  find: (prisma, query) => prisma.site.findMany(query),
  count: (prisma, where) => prisma.site.count({ where }),
});

export const SiteConnection = builder.connectionObject(
  { type: Site, name: 'SiteConnection', description: 'A page of a list of sites.' },
  { name: 'SiteEdge', description: 'A site at its place in a list.' },
);

builder.queryFields((t) => ({
  sites: t.connection(
    {
      type: Site,
      description: 'Sites of all providers, by default by name; those taken out of use when the filter asks for them.',
      args: siteArgs,
      resolve: (_root, args, context, info) => siteList.page(args, context, info),
    },
    SiteConnection,
  ),
  site: t.field({
    type: Site,
    nullable: true,
    description: 'One site. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `Site.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Site', rowId('Site', id)),
  }),
}));
