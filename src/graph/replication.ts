import type { Prisma } from '../../prisma/client/client.ts';
import { visibleReplications } from '../domain/visibility.ts';
import {
  dataConnectionStates,
  healths,
  recoveryStates,
  replicationDestinationStates,
  replicationSourceStates,
} from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { among, between, containing, removal, removalFields } from './filter.ts';
import { rowId, rowIds } from './global-id.ts';
import {
  DataConnectionStateEnum,
  RecoveryStateEnum,
  ReplicationDestinationStateEnum,
  ReplicationHealthEnum,
  ReplicationSourceStateEnum,
} from './replication-state.ts';
import { Resource } from './resource.ts';
import { DataConnectionTypeEnum } from './vocabulary.ts';

/** Its fields are in replication-field.ts: types that lead to each other name only each other's refs and lists. */
export const Replication = builder.prismaNode('Replication', {
  id: { field: 'id' },
  select: { id: true },
  interfaces: [Resource],
  description:
    "A machine's protection: its disks are copied from a source site to a destination site, where recovery points are kept to fail over to (VCDA: vm-replication).",
});

keyedById(Replication, 'Replication');

const ReplicationFilter = builder.inputType('ReplicationFilter', {
  description: 'Conditions on replications, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these replications. Ids of other types match nothing.' }),
    nameContains: t.string({
      description: "Part of the protected machine's name, in any case. No wildcards: % and _ mean themselves.",
    }),
    providerIdIn: t.idList({ description: 'Only replications that these providers run.' }),
    organizationIdIn: t.idList({ description: "Only the protection of these tenants' machines." }),
    virtualMachineIdIn: t.idList({ description: 'Only the protection of these machines.' }),
    siteIdIn: t.idList({ description: 'Only replications from or to one of these sites.' }),
    sourceSiteIdIn: t.idList({ description: 'Only replications from one of these sites.' }),
    destinationSiteIdIn: t.idList({ description: 'Only replications to one of these sites.' }),
    ownerIdIn: t.idList({ description: 'Only replications that these users started.' }),
    sourceStateIn: t.field({
      type: [ReplicationSourceStateEnum],
      description: 'Only replications whose source stands so.',
    }),
    destinationStateIn: t.field({
      type: [ReplicationDestinationStateEnum],
      description: 'Only replications whose destination stands so.',
    }),
    recoveryStateIn: t.field({ type: [RecoveryStateEnum], description: 'Only replications whose recovery stands so.' }),
    dataConnectionStateIn: t.field({
      type: [DataConnectionStateEnum],
      description: 'Only replications whose data connection stands so.',
    }),
    dataConnectionTypeIn: t.field({
      type: [DataConnectionTypeEnum],
      description: 'Only replications that store their data so.',
    }),
    overallHealthIn: t.field({ type: [ReplicationHealthEnum], description: 'Only replications of this health.' }),
    isPaused: t.boolean({ description: 'true: only paused ones; false: only the others.' }),
    isMigration: t.boolean({ description: 'true: only migrations; false: only protections.' }),
    isReversed: t.boolean({
      description: 'true: only those that run back to where the machine came from; false: only the others.',
    }),
    ...removalFields(t, 'that were stopped'),
    createdAfter: t.field({ type: 'DateTime', description: 'Started later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Started earlier than this.' }),
    updatedAfter: t.field({ type: 'DateTime', description: 'Changed later than this.' }),
    updatedBefore: t.field({ type: 'DateTime', description: 'Not changed since this.' }),
    lastSyncedAfter: t.field({ type: 'DateTime', description: 'Last synchronized with success later than this.' }),
    lastSyncedBefore: t.field({ type: 'DateTime', description: 'Last synchronized with success earlier than this.' }),
  }),
});

function where(filter: typeof ReplicationFilter.$inferInput = {}): Prisma.ReplicationWhereInput {
  const sites = rowIds('Site', filter.siteIdIn);
  return {
    id: { in: rowIds('Replication', filter.idIn) },
    vmName: containing(filter.nameContains),
    providerId: { in: rowIds('Provider', filter.providerIdIn) },
    organizationId: filter.organizationIdIn ? { in: rowIds('Organization', filter.organizationIdIn) } : undefined,
    virtualMachineId: { in: rowIds('VirtualMachine', filter.virtualMachineIdIn) },
    OR: sites && [{ sourceSiteId: { in: sites } }, { destinationSiteId: { in: sites } }],
    sourceSiteId: { in: rowIds('Site', filter.sourceSiteIdIn) },
    destinationSiteId: { in: rowIds('Site', filter.destinationSiteIdIn) },
    ownerId: filter.ownerIdIn ? { in: rowIds('User', filter.ownerIdIn) } : undefined,
    sourceState: among(replicationSourceStates, filter.sourceStateIn),
    destinationState: among(replicationDestinationStates, filter.destinationStateIn),
    recoveryState: among(recoveryStates, filter.recoveryStateIn),
    dataConnectionState: among(dataConnectionStates, filter.dataConnectionStateIn),
    dataConnectionType: { in: filter.dataConnectionTypeIn ?? undefined },
    overallHealth: among(healths, filter.overallHealthIn),
    isPaused: filter.isPaused ?? undefined,
    isMigration: filter.isMigration ?? undefined,
    isReversed: filter.isReversed ?? undefined,
    removedAt: removal(filter),
    createdAt: between(filter.createdAfter, filter.createdBefore),
    updatedAt: between(filter.updatedAfter, filter.updatedBefore),
    lastSyncedAt: between(filter.lastSyncedAfter, filter.lastSyncedBefore),
  };
}

const order = {
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when the protection was started.' },
  NAME: { column: 'vmName', kind: 'text', description: "By the protected machine's name." },
  UPDATED_AT: {
    column: 'updatedAt',
    kind: 'moment',
    description: 'By when anything about it last changed. Moves while you page.',
  },
  LAST_SYNCED_AT: {
    column: 'lastSyncedAt',
    kind: 'moment',
    nullable: true,
    description: 'By the last synchronization that succeeded; those never synchronized count as the newest.',
  },
  RPO_MINUTES: { column: 'rpoMinutes', kind: 'int', description: 'By the recovery point objective.' },
  OVERALL_HEALTH: {
    column: 'overallHealth',
    kind: 'text',
    description: 'By health, alphabetically: GREEN, RED, UNKNOWN, YELLOW.',
  },
} satisfies Record<string, OrderField>;

export const replicationArgs = listArgs(ReplicationFilter, orderInput('Replication', order));

export const replicationList = defineList({
  type: 'Replication',
  visible: visibleReplications,
  where,
  order,
  defaultOrder: [{ field: 'CREATED_AT', direction: 'DESC' }],
  find: (prisma, query) => prisma.replication.findMany(query),
  count: (prisma, where) => prisma.replication.count({ where }),
});

export const ReplicationConnection = builder.connectionObject(
  { type: Replication, name: 'ReplicationConnection', description: 'A page of a list of replications.' },
  { name: 'ReplicationEdge', description: 'A replication at its place in a list.' },
);

builder.queryFields((t) => ({
  replications: t.connection(
    {
      type: Replication,
      description: 'Protections in use, by default the newest first; stopped ones when the filter asks for them.',
      args: replicationArgs,
      resolve: (_root, args, context, info) => replicationList.page(args, context, info),
    },
    ReplicationConnection,
  ),
  replication: t.field({
    type: Replication,
    nullable: true,
    description: 'One protection. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `Replication.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Replication', rowId('Replication', id)),
  }),
}));
