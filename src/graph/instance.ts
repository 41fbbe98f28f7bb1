import type { Prisma } from '../../prisma/client/client.ts';
import { type InstanceDisk, instanceDisks } from '../domain/stored.ts';
import { visibleInstances } from '../domain/visibility.ts';
import { known, quiescedTypes } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { among, between, isSet } from './filter.ts';
import { rowId, rowIds } from './global-id.ts';
import { Resource } from './resource.ts';
import { QuiescedTypeEnum } from './vocabulary.ts';

const RecoveryPoint = builder.interfaceRef<{ id: string }>('RecoveryPoint').implement({
  description: 'A state of a machine that can be brought back: an instance of a replication, or a backup.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => ({
    createdAt: t.field({
      type: 'DateTime',
      description: 'The moment whose state it holds.',
      resolve: () => {
        throw new Error('Every type that is a RecoveryPoint resolves its own time.');
      },
    }),
  }),
});

const RecoveryPointDisk = builder.objectRef<InstanceDisk>('RecoveryPointDisk').implement({
  description: 'One disk as it lies in a recovery point.',
  fields: (t) => ({
    key: t.exposeInt('key', { description: "The disk's device key, the same as the machine's `disks` have." }),
    file: t.exposeString('file', { description: 'Its name in the machine that a failover makes.' }),
    sizeBytes: t.field({
      type: 'BigInt',
      description: 'Its capacity in bytes then; a disk may grow between recovery points.',
      resolve: ({ sizeBytes }) => BigInt(sizeBytes),
    }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description:
        'SHA-256 of all its bytes in hexadecimal, which a recovery is checked against; null where the provider keeps none.',
    }),
  }),
});

export const Instance = builder.prismaNode('Instance', {
  id: { field: 'id' },
  select: { id: true },
  interfaces: [Resource, RecoveryPoint],
  description:
    'A recovery point of a replication: the state of its machine at one moment, from which a failover makes a machine again.',
});

builder.prismaObjectFields(Instance, (t) => ({
  name: t.exposeString('key', { description: 'The same as `key`: recovery points have no other name.' }),
  key: t.exposeString('key', {
    description: "The provider's own id of the recovery point, unique within its replication.",
  }),
  sequenceNumber: t.exposeInt('sequenceNumber', {
    description:
      'Counts the recovery points of a replication in the order they were made, from 1. Numbers of removed ones are not used again.',
  }),
  createdAt: t.expose('createdAt', {
    type: 'DateTime',
    description: 'The moment whose state it holds: when its copy began, not when it was complete.',
  }),
  isPinned: t.exposeBoolean('isPinned', { description: 'Kept whatever the retention rules say.' }),
  transferBytes: t.expose('transferBytes', {
    type: 'BigInt',
    description: 'Bytes that had to be transferred to make it, after compression.',
  }),
  transferSeconds: t.exposeFloat('transferSeconds', {
    description:
      'How long the synchronization took, reading and comparing included, over all its attempts. Dividing transferBytes by it gives a rate for the whole, not the speed of a line.',
  }),
  sizeBytes: t.expose('sizeBytes', {
    type: 'BigInt',
    description:
      'Capacities of its disks in bytes, added up: what a recovery needs at most. Recovery points share what did not change, so these do not add up to the space in use.',
  }),
  quiescedType: t.field({
    type: QuiescedTypeEnum,
    select: { quiescedType: true },
    description: 'What had been brought to rest in the machine before.',
    resolve: ({ quiescedType }) => known(quiescedTypes, quiescedType),
  }),
  disks: t.field({
    type: [RecoveryPointDisk],
    select: { disks: true },
    description: 'The disks that it holds.',
    resolve: ({ disks }) => instanceDisks.parse(disks),
  }),
  verifiedAt: t.expose('verifiedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When every byte of it was last read and found right; null when that was not done yet.',
  }),
  problem: t.exposeString('problem', {
    nullable: true,
    description: 'Why it cannot be used, such as a damaged file in the store; null when nothing is known against it.',
  }),
  replication: t.relation('replication', { description: 'The protection that it belongs to.' }),
}));

keyedById(Instance, 'Instance');

const InstanceFilter = builder.inputType('InstanceFilter', {
  description: 'Conditions on recovery points, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these recovery points. Ids of other types match nothing.' }),
    keyIn: t.stringList({ description: "Only recovery points with these provider's own ids." }),
    quiescedTypeIn: t.field({ type: [QuiescedTypeEnum], description: 'Only recovery points taken so.' }),
    isPinned: t.boolean({
      description: 'true: only those kept whatever the retention rules say; false: only the others.',
    }),
    isVerified: t.boolean({
      description: 'true: only those that were once read as a whole and found right; false: only the others.',
    }),
    hasProblem: t.boolean({
      description: 'true: only those that cannot be used; false: only those with nothing known against them.',
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Of a moment later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Of a moment earlier than this.' }),
  }),
});

function where(filter: typeof InstanceFilter.$inferInput = {}): Prisma.InstanceWhereInput {
  return {
    id: { in: rowIds('Instance', filter.idIn) },
    key: { in: filter.keyIn ?? undefined },
    quiescedType: among(quiescedTypes, filter.quiescedTypeIn),
    isPinned: filter.isPinned ?? undefined,
    verifiedAt: isSet(filter.isVerified),
    problem: isSet(filter.hasProblem),
    createdAt: between(filter.createdAfter, filter.createdBefore),
  };
}

const order = {
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By the moment whose state they hold.' },
  SEQUENCE_NUMBER: { column: 'sequenceNumber', kind: 'int', description: 'By the order in which they were made.' },
  TRANSFER_BYTES: { column: 'transferBytes', kind: 'bigint', description: 'By how much had to be transferred.' },
  SIZE_BYTES: { column: 'sizeBytes', kind: 'bigint', description: 'By the capacities of their disks, added up.' },
  VERIFIED_AT: {
    column: 'verifiedAt',
    kind: 'moment',
    nullable: true,
    description: 'By when they were last verified; those never verified count as the newest.',
  },
} satisfies Record<string, OrderField>;

export const instanceArgs = listArgs(InstanceFilter, orderInput('Instance', order));

export const instanceList = defineList({
  type: 'Instance',
  visible: visibleInstances,
  where,
  order,
  defaultOrder: [{ field: 'CREATED_AT', direction: 'DESC' }],
  find: (prisma, query) => prisma.instance.findMany(query),
  count: (prisma, where) => prisma.instance.count({ where }),
});

export const InstanceConnection = builder.connectionObject(
  { type: Instance, name: 'InstanceConnection', description: 'A page of a list of recovery points.' },
  { name: 'InstanceEdge', description: 'A recovery point at its place in a list.' },
);

builder.queryField('instance', (t) =>
  t.field({
    type: Instance,
    nullable: true,
    description: 'One recovery point. Null when there is none with this id, also once retention has removed it.',
    args: { id: t.arg.id({ required: true, description: 'As `Instance.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Instance', rowId('Instance', id)),
  }),
);
