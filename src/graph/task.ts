import type { Prisma } from '../../prisma/client/client.ts';
import { visibleTasks } from '../domain/visibility.ts';
import { taskKinds } from '../domain/vocabulary.ts';
import { taskStates, terminalStates } from '../engine/task.ts';
import { builder } from './builder.ts';
import { defineList, listArgs, type OrderField, orderInput } from './connection.ts';
import { loadEntity } from './entity.ts';
import { keyedById } from './federation.ts';
import { among, between } from './filter.ts';
import { absentId, decodeGlobalId, rowId, rowIds } from './global-id.ts';
import { TaskKindEnum, TaskStateEnum } from './task-state.ts';

/** Its fields are in task-field.ts: types that lead to each other name only each other's refs and lists. */
export const Task = builder.prismaNode('Task', {
  id: { field: 'id' },
  select: { id: true },
  description:
    'Work that takes time, kept durably: what it is for, how far it is and how it ended. Watch one with `taskProgress`.',
});

keyedById(Task, 'Task');

export const TaskFilter = builder.inputType('TaskFilter', {
  description: 'Conditions on tasks, combined with AND.',
  fields: (t) => ({
    idIn: t.idList({ description: 'Only these tasks. Ids of other types match nothing.' }),
    stateIn: t.field({ type: [TaskStateEnum], description: 'Only tasks in these states.' }),
    kindIn: t.field({ type: [TaskKindEnum], description: 'Only tasks that do this.' }),
    isTerminal: t.boolean({
      description: 'true: only tasks that have ended; false: only those that are still to do or being done.',
    }),
    providerIdIn: t.idList({ description: 'Only work of these providers.' }),
    siteIdIn: t.idList({ description: 'Only work at these sites; a replication works at its destination.' }),
    organizationIdIn: t.idList({ description: 'Only work about what these tenants own.' }),
    replicationIdIn: t.idList({ description: 'Only work on these replications.' }),
    virtualMachineIdIn: t.idList({ description: 'Only work about these machines.' }),
    resourceIdIn: t.idList({ description: 'Only tasks whose `resource` is one of these, of whatever type.' }),
    parentIdIn: t.idList({ description: 'Only parts of these tasks.' }),
    initiatedByIn: t.stringList({ description: 'Only tasks that users of these names asked for.' }),
    operationIdIn: t.stringList({ description: "Only tasks of requests with these ids of the caller's own." }),
    createdAfter: t.field({ type: 'DateTime', description: 'Asked for later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Asked for earlier than this.' }),
    startedAfter: t.field({ type: 'DateTime', description: 'Started later than this.' }),
    startedBefore: t.field({ type: 'DateTime', description: 'Started earlier than this.' }),
    updatedAfter: t.field({ type: 'DateTime', description: 'Changed later than this.' }),
    updatedBefore: t.field({ type: 'DateTime', description: 'Not changed since this.' }),
    finishedAfter: t.field({ type: 'DateTime', description: 'Ended later than this.' }),
    finishedBefore: t.field({ type: 'DateTime', description: 'Ended earlier than this.' }),
  }),
});

const idCondition = (ids: string[] | undefined) => (ids ? { in: ids } : undefined);

/** A filter as Prisma takes it. */
export function taskWhere(filter: typeof TaskFilter.$inferInput = {}): Prisma.TaskWhereInput {
  const terminal = [...terminalStates];
  return {
    id: idCondition(rowIds('Task', filter.idIn)),
    AND: [
      { state: among(taskStates, filter.stateIn) },
      { state: filter.isTerminal == null ? undefined : filter.isTerminal ? { in: terminal } : { notIn: terminal } },
    ],
    kind: among(taskKinds, filter.kindIn),
    providerId: idCondition(rowIds('Provider', filter.providerIdIn)),
    siteId: idCondition(rowIds('Site', filter.siteIdIn)),
    organizationId: idCondition(rowIds('Organization', filter.organizationIdIn)),
    replicationId: idCondition(rowIds('Replication', filter.replicationIdIn)),
    virtualMachineId: idCondition(rowIds('VirtualMachine', filter.virtualMachineIdIn)),
    resourceId: idCondition(filter.resourceIdIn?.map((id) => decodeGlobalId(id)?.id ?? absentId)),
    parentId: idCondition(rowIds('Task', filter.parentIdIn)),
    initiatedBy: filter.initiatedByIn ? { in: filter.initiatedByIn } : undefined,
    operationId: filter.operationIdIn ? { in: filter.operationIdIn } : undefined,
    createdAt: between(filter.createdAfter, filter.createdBefore),
    startedAt: between(filter.startedAfter, filter.startedBefore),
    updatedAt: between(filter.updatedAfter, filter.updatedBefore),
    finishedAt: between(filter.finishedAfter, filter.finishedBefore),
  };
}

const order = {
  CREATED_AT: { column: 'createdAt', kind: 'moment', description: 'By when it was asked for.' },
  STARTED_AT: {
    column: 'startedAt',
    kind: 'moment',
    nullable: true,
    description: 'By when it was first started; those not started yet count as the newest.',
  },
  UPDATED_AT: {
    column: 'updatedAt',
    kind: 'moment',
    description: 'By when its state or progress last changed. Moves while you page.',
  },
  FINISHED_AT: {
    column: 'finishedAt',
    kind: 'moment',
    nullable: true,
    description: 'By when it ended; those not ended yet count as the newest.',
  },
  PRIORITY: { column: 'priority', kind: 'int', description: 'By priority, 0 to 100.' },
  STATE: { column: 'state', kind: 'text', description: 'By state, alphabetically: groups what stands alike.' },
  KIND: { column: 'kind', kind: 'text', description: 'By kind, alphabetically.' },
} satisfies Record<string, OrderField>;

export const taskArgs = listArgs(TaskFilter, orderInput('Task', order));

export const taskList = defineList({
  type: 'Task',
  visible: visibleTasks,
  where: taskWhere,
  order,
  defaultOrder: [{ field: 'CREATED_AT', direction: 'DESC' }],
  find: (prisma, query) => prisma.task.findMany(query),
  count: (prisma, where) => prisma.task.count({ where }),
});

export const TaskConnection = builder.connectionObject(
  { type: Task, name: 'TaskConnection', description: 'A page of a list of tasks.' },
  { name: 'TaskEdge', description: 'A task at its place in a list.' },
);

builder.queryFields((t) => ({
  tasks: t.connection(
    {
      type: Task,
      description: 'All work, by default the newest first.',
      args: taskArgs,
      resolve: (_root, args, context, info) => taskList.page(args, context, info),
    },
    TaskConnection,
  ),
  task: t.field({
    type: Task,
    nullable: true,
    description: 'One task. Null when there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'As `Task.id` gave it.' }) },
    resolve: (_root, { id }, context, info) => loadEntity(context, info, 'Task', rowId('Task', id)),
  }),
}));
