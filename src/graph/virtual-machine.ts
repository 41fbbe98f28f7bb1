import type { Prisma } from '../../prisma/client/client.ts';
import { visibleVirtualMachines } from '../domain/visibility.ts';
import { known, powerStates } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedByIdOrNativeId } from './federation.ts';
import { among, between, containing, removal, removalFields } from './filter.ts';
import { rowId, rowIds } from './global-id.ts';
import { Replication, ReplicationConnection, replicationArgs, replicationList } from './replication.ts';
import { Resource } from './resource.ts';
import { Task, TaskConnection, taskArgs, taskList } from './task.ts';
import { VirtualHardware } from './virtual-hardware.ts';
import { PowerStateEnum } from './vocabulary.ts';

builder.prismaObject('VirtualDisk', {
  description: 'One disk of a machine, as the last inventory saw it.',
  select: { id: true },
  fields: (t) => ({
    key: t.exposeInt('key', {
      description:
        'The device key: 2000 for the first disk, unless the source names another. `excludedDiskKeys` and recovery points use the same keys.',
    }),
    file: t.exposeString('file', {
      description: "LOCAL: the image's name in the machine's folder. Other kinds: the provider's name of the disk.",
    }),
    sizeBytes: t.expose('sizeBytes', {
      type: 'BigInt',
      description: 'The capacity in bytes, not the space it occupies.',
    }),
  }),
});

export const VirtualMachine = builder.prismaNode('VirtualMachine', {
  id: { field: 'id' },
  select: { id: true },
  interfaces: [Resource],
  description:
    'A machine that an inventory found at a site, or that a failover made there. Stays readable after it is gone.',
});

keyedByIdOrNativeId(VirtualMachine);

builder.prismaObjectFields(VirtualMachine, (t) => ({
  nativeId: t.exposeString('nativeId', {
    description: "The provider's own id of the machine, unique within its site. LOCAL: `id` in its `vm.json`.",
  }),
  name: t.exposeString('name', { description: 'What people call the machine; not unique.' }),
  description: t.exposeString('description', {
    nullable: true,
    description: 'Free text that the provider keeps with the machine.',
  }),
  powerState: t.field({
    type: PowerStateEnum,
    select: { powerState: true },
    description: 'Whether it runs, as of `lastSeenAt`.',
    resolve: ({ powerState }) => known(powerStates, powerState),
  }),
  nativePowerState: t.exposeString('nativePowerState', {
    nullable: true,
    description: "The provider's own word for `powerState`; null where it has none.",
  }),
  virtualHardware: t.field({
    type: VirtualHardware,
    select: { cpus: true, coresPerSocket: true, memoryMb: true, disks: { orderBy: { key: 'asc' } } },
    description: 'Processors, memory and storage, as the last inventory saw them.',
    resolve: (machine) => machine,
  }),
  disks: t.relation('disks', { query: { orderBy: { key: 'asc' } }, description: 'Its disks, by device key.' }),
  nics: t.field({
    type: ['JSON'],
    select: { nics: true },
    description: "Its network adapters, in the provider's own shape.",
    resolve: ({ nics }) => (Array.isArray(nics) ? nics : []),
  }),
  isTest: t.exposeBoolean('isTest', {
    description: 'Made by a test failover: `cleanUpTestFailover` removes it again.',
  }),
  recoveredFrom: t.relation('recoveredFrom', {
    nullable: true,
    description: 'The replication whose failover or test failover made this machine; null for all others.',
  }),
  recoveredInstanceKey: t.string({
    nullable: true,
    select: { recoveredInstance: true },
    description:
      'Key of the recovery point that the machine was made from; kept when retention has removed that recovery point.',
    resolve: ({ recoveredInstance }) => recoveredInstance,
  }),
  lastSeenAt: t.expose('lastSeenAt', {
    type: 'DateTime',
    description: 'When an inventory last found it, or a failover made it.',
  }),
  removedAt: t.expose('removedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When an inventory no longer found it; null while it is there.',
  }),
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When drgraph first saw it.' }),
  updatedAt: t.expose('updatedAt', {
    type: 'DateTime',
    description: 'When anything drgraph keeps about it last changed.',
  }),
  provider: t.relation('provider', { description: "The system that manages the machine's site." }),
  site: t.relation('site', { description: 'Where it lies.' }),
  organization: t.relation('organization', {
    nullable: true,
    description: 'Whose machine it is; null where the provider names no tenant.',
  }),
  replications: t.connection(
    {
      type: Replication,
      description: 'How it is protected, newest first; stopped replications when the filter asks for them.',
      args: replicationArgs,
      ...replicationList.related('replications'),
    },
    ReplicationConnection,
  ),
  tasks: t.connection(
    { type: Task, description: 'Work about this machine, newest first.', args: taskArgs, ...taskList.related('tasks') },
    TaskConnection,
  ),
}));

const VirtualMachineFilter = builder.inputType('VirtualMachineFilter', {
  description: 'Conditions on machines, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these machines. Ids of other types match nothing.' }),
    nameContains: t.string({ description: 'Part of the name, in any case. No wildcards: % and _ mean themselves.' }),
    nativeIdIn: t.stringList({ description: "Only machines with these provider's own ids." }),
    providerIdIn: t.idList({ description: 'Only machines of these providers.' }),
    siteIdIn: t.idList({ description: 'Only machines at these sites.' }),
    organizationIdIn: t.idList({ description: 'Only machines of these tenants.' }),
    powerStateIn: t.field({ type: [PowerStateEnum], description: 'Only machines that stand so.' }),
    isTest: t.boolean({ description: 'true: only machines made by test failovers; false: none of them.' }),
    isProtected: t.boolean({
      description: 'true: only machines with a replication that is not stopped; false: only those without.',
    }),
    ...removalFields(t, 'that are gone'),
    recoveredFromIdIn: t.idList({ description: 'Only machines made by failovers of these replications.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'First seen later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'First seen earlier than this.' }),
  }),
});

function where(filter: typeof VirtualMachineFilter.$inferInput = {}): Prisma.VirtualMachineWhereInput {
  const protection = { removedAt: null };
  return {
    id: { in: rowIds('VirtualMachine', filter.idIn) },
    name: containing(filter.nameContains),
    nativeId: { in: filter.nativeIdIn ?? undefined },
    providerId: { in: rowIds('Provider', filter.providerIdIn) },
    siteId: { in: rowIds('Site', filter.siteIdIn) },
    organizationId: filter.organizationIdIn ? { in: rowIds('Organization', filter.organizationIdIn) } : undefined,
    powerState: among(powerStates, filter.powerStateIn),
    isTest: filter.isTest ?? undefined,
    replications:
      filter.isProtected == null ? undefined : filter.isProtected ? { some: protection } : { none: protection },
    removedAt: removal(filter),
    recoveredFromId: filter.recoveredFromIdIn ? { in: rowIds('Replication', filter.recoveredFromIdIn) } : undefined,
    createdAt: between(filter.createdAfter, filter.createdBefore),
  };
}

const order = {
  NAME: { column: 'name', kind: 'text', description: 'By name, in the order of the database (usually by code point).' },
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when drgraph first saw the machine.' },
  LAST_SEEN_AT: { column: 'lastSeenAt', kind: 'moment', description: 'By when an inventory last found it.' },
  MEMORY_MB: { column: 'memoryMb', kind: 'int', nullable: true, description: 'By memory in MiB.' },
  CPUS: { column: 'cpus', kind: 'int', nullable: true, description: 'By the number of virtual processors.' },
} satisfies Record<string, OrderField>;

export const virtualMachineArgs = listArgs(VirtualMachineFilter, orderInput('VirtualMachine', order));

export const virtualMachineList = defineList({
  type: 'VirtualMachine',
  visible: visibleVirtualMachines,
  where,
  order,
  defaultOrder: [{ field: 'NAME' }],
  find: (prisma, query) => prisma.virtualMachine.findMany(query),
  count: (prisma, where) => prisma.virtualMachine.count({ where }),
});

export const VirtualMachineConnection = builder.connectionObject(
  { type: VirtualMachine, name: 'VirtualMachineConnection', description: 'A page of a list of machines.' },
  { name: 'VirtualMachineEdge', description: 'A machine at its place in a list.' },
);

builder.queryFields((t) => ({
  virtualMachines: t.connection(
    {
      type: VirtualMachine,
      description: 'Machines of all sites, by default by name; those that are gone when the filter asks for them.',
      args: virtualMachineArgs,
      resolve: (_root, args, context, info) => virtualMachineList.page(args, context, info),
    },
    VirtualMachineConnection,
  ),
  virtualMachine: t.field({
    type: VirtualMachine,
    nullable: true,
    description: 'One machine. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `VirtualMachine.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'VirtualMachine', rowId('VirtualMachine', id)),
  }),
}));
