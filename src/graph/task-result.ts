import type { TaskResult as StoredResult } from '../domain/task-result.ts';
import { builder } from './builder.ts';
import { loadEntity } from './entity.ts';
import { Instance } from './instance.ts';
import { Replication } from './replication.ts';
import { VirtualMachine } from './virtual-machine.ts';

type ResultOf<Type extends StoredResult['type']> = Extract<StoredResult, { type: Type }>;

const SyncResult = builder.objectRef<ResultOf<'SYNC'>>('SyncResult').implement({
  description: 'What a start or a synchronization brought about: a new recovery point.',
  fields: (t) => ({
    replication: t.field({
      type: Replication,
      nullable: true,
      description: 'The replication that was brought up to date.',
      resolve: ({ replicationId }, _args, context, info) => loadEntity(context, info, 'Replication', replicationId),
    }),
    instance: t.field({
      type: Instance,
      nullable: true,
      description: 'The new recovery point; null once retention has removed it.',
      resolve: ({ instanceId }, _args, context, info) => loadEntity(context, info, 'Instance', instanceId),
    }),
    transferBytes: t.field({
      type: 'BigInt',
      description: 'Bytes that had to be transferred for it, after compression.',
      resolve: ({ transferBytes }) => BigInt(transferBytes),
    }),
    transferSeconds: t.exposeFloat('transferSeconds', {
      description:
        'How long the synchronization took, reading and comparing included, over all its attempts. Dividing transferBytes by it gives a rate for the whole, not the speed of a line.',
    }),
  }),
});

const FailoverResult = builder.objectRef<ResultOf<'FAILOVER'>>('FailoverResult').implement({
  description: 'What a failover or a test failover brought about: a machine at the destination.',
  fields: (t) => ({
    replication: t.field({
      type: Replication,
      nullable: true,
      description: 'The replication that was failed over or tested.',
      resolve: ({ replicationId }, _args, context, info) => loadEntity(context, info, 'Replication', replicationId),
    }),
    virtualMachine: t.field({
      type: VirtualMachine,
      nullable: true,
      description: 'The machine that was made; a test machine has `removedAt` once it was cleaned up.',
      resolve: ({ virtualMachineId }, _args, context, info) =>
        loadEntity(context, info, 'VirtualMachine', virtualMachineId),
    }),
    instance: t.field({
      type: Instance,
      nullable: true,
      description: 'The recovery point that it was made from; null once retention has removed it.',
      resolve: ({ instanceId }, _args, context, info) => loadEntity(context, info, 'Instance', instanceId),
    }),
    instanceKey: t.exposeString('instanceKey', { description: 'Key of that recovery point, kept when it is gone.' }),
  }),
});

const InventoryProblem = builder.objectRef<ResultOf<'INVENTORY'>['problems'][number]>('InventoryProblem').implement({
  description: 'Something at a site that an inventory could not use.',
  fields: (t) => ({
    path: t.exposeString('path', { description: "The file or folder, relative to the site's root." }),
    message: t.exposeString('message', { description: 'What is wrong with it and what to do.' }),
  }),
});

const InventoryResult = builder.objectRef<ResultOf<'INVENTORY'>>('InventoryResult').implement({
  description: 'What an inventory found out.',
  fields: (t) => ({
    machinesFound: t.exposeInt('machinesFound', { description: 'How many machines are there now.' }),
    machinesAdded: t.exposeInt('machinesAdded', { description: 'How many of them were not known before.' }),
    machinesChanged: t.exposeInt('machinesChanged', { description: 'How many were known and look different now.' }),
    machinesRemoved: t.exposeInt('machinesRemoved', { description: 'How many were known and are gone.' }),
    problems: t.field({
      type: [InventoryProblem],
      description: 'What it could not use; the rest was read.',
      resolve: ({ problems }) => problems,
    }),
  }),
});

/** By the kind of task: each stored result knows its type. */
export const TaskResult = builder.unionType('TaskResult', {
  description: 'What a task that succeeded left behind; which type depends on its kind.',
  types: [SyncResult, FailoverResult, InventoryResult],
  resolveType: ({ type }) => ({ SYNC: SyncResult, FAILOVER: FailoverResult, INVENTORY: InventoryResult })[type],
});
