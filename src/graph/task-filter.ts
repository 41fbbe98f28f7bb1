import type { Prisma } from '../../prisma/client/client.ts';
import { taskKinds } from '../domain/vocabulary.ts';
import { isTerminal, type TaskState, taskStates, terminalStates } from '../engine/task.ts';
import { builder } from './builder.ts';
import type { OrderField } from './connection.ts';
import { among, between, containing } from './filter.ts';
import { absentId, decodeGlobalId, rowIds } from './global-id.ts';
import { ResourceTypeEnum } from './resource.ts';
import { TaskKindEnum } from './task-kind.ts';
import { TaskStateEnum } from './task-state.ts';

/** The union of what VCDA, Zerto and vProtect can filter their tasks by, and of what only one table of all of them can answer. */
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
    resourceTypeIn: t.field({ type: [ResourceTypeEnum], description: 'Only tasks about objects of these types.' }),
    relatedResourceIdIn: t.idList({
      description: 'Only tasks that have one of these, of whatever type, among their `relatedResources`.',
    }),
    nameContains: t.string({ description: 'Only tasks with this text, in any case, in their `resourceName`.' }),
    errorContains: t.string({
      description: 'Only tasks that failed with this text, in any case, in the message of their `error`.',
    }),
    parentIdIn: t.idList({ description: 'Only parts of these tasks.' }),
    initiatedByIn: t.stringList({
      description: 'Only tasks that users of these names asked for, here or at the provider, also users who are gone.',
    }),
    nativeIdIn: t.stringList({ description: "Only tasks with these ids of the provider's own." }),
    nativeTypeIn: t.stringList({
      description: 'Only tasks that the provider calls by one of these words; see `taskKinds`.',
    }),
    workerIdIn: t.stringList({ description: 'Only tasks that these processes run, or ran last.' }),
    progressAtLeast: t.float({ description: 'Only tasks whose progress is known and this or more, 0 to 100.' }),
    progressAtMost: t.float({ description: 'Only tasks whose progress is known and this or less, 0 to 100.' }),
    isCancellable: t.boolean({
      description: 'true: only tasks that `cancelTasks` would stop now; false: only the others.',
    }),
    hasWarnings: t.boolean({ description: 'true: only tasks with warnings; false: only those without.' }),
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

/** The condition that a filter stands for. Where two of its fields speak of one column they are combined, as all are. */
export function taskWhere(filter: typeof TaskFilter.$inferInput = {}): Prisma.TaskWhereInput {
  return {
    id: idCondition(rowIds('Task', filter.idIn)),
    AND: [
      { state: among(taskStates, filter.stateIn) },
      ended(filter.isTerminal ?? isEndedIn(filter.stateIn)),
      cancellable(filter.isCancellable),
      touching(filter.relatedResourceIdIn),
    ],
    kind: among(taskKinds, filter.kindIn),
    providerId: idCondition(rowIds('Provider', filter.providerIdIn)),
    siteId: idCondition(rowIds('Site', filter.siteIdIn)),
    organizationId: idCondition(rowIds('Organization', filter.organizationIdIn)),
    replicationId: idCondition(rowIds('Replication', filter.replicationIdIn)),
    virtualMachineId: idCondition(rowIds('VirtualMachine', filter.virtualMachineIdIn)),
    resourceId: idCondition(filter.resourceIdIn?.map((id) => decodeGlobalId(id)?.id ?? absentId)),
    resourceType: oneOf(filter.resourceTypeIn),
    resourceName: containing(filter.nameContains),
    error: inMessage(filter.errorContains),
    parentId: idCondition(rowIds('Task', filter.parentIdIn)),
    initiatedBy: oneOf(filter.initiatedByIn),
    operationId: oneOf(filter.operationIdIn),
    nativeId: oneOf(filter.nativeIdIn),
    nativeType: oneOf(filter.nativeTypeIn),
    workerId: oneOf(filter.workerIdIn),
    progress: { gte: filter.progressAtLeast ?? undefined, lte: filter.progressAtMost ?? undefined },
    warnings: filter.hasWarnings == null ? undefined : filter.hasWarnings ? { not: [] } : { equals: [] },
    createdAt: between(filter.createdAfter, filter.createdBefore),
    startedAt: between(filter.startedAfter, filter.startedBefore),
    updatedAt: between(filter.updatedAfter, filter.updatedBefore),
    finishedAt: between(filter.finishedAfter, filter.finishedBefore),
  };
}

const idCondition = (ids: string[] | undefined) => (ids ? { in: ids } : undefined);
const oneOf = (words: readonly string[] | null | undefined) => (words ? { in: [...words] } : undefined);

const terminal = [...terminalStates];

/**
 * Whether a task has ended. That one which has not has no `finishedAt` says nothing new, but lets the few of them be found by an
 * index of their own, whatever else is asked: a condition with parameters, such as on the state, never proves to belong to one.
 */
function ended(wanted: boolean | null | undefined): Prisma.TaskWhereInput {
  if (wanted == null) return {};
  return wanted ? { state: { in: terminal } } : { state: { notIn: terminal }, finishedAt: null };
}

/** False where all the states are of tasks that have not ended. */
function isEndedIn(states: readonly TaskState[] | null | undefined): false | undefined {
  return states?.some((state) => isTerminal(state)) === false ? false : undefined;
}

/** As `Task.isCancellable` says it. */
function cancellable(wanted: boolean | null | undefined): Prisma.TaskWhereInput {
  if (wanted == null) return {};
  const now = { isCancellable: true, state: { notIn: [...terminal, 'CANCELLING'] } };
  return wanted ? { ...now, finishedAt: null } : { NOT: now };
}

/** Ids in the list of what a task touches: containment, which an index of the lists answers. */
function touching(globalIds: readonly string[] | null | undefined): Prisma.TaskWhereInput {
  if (globalIds == null) return {};
  // Prisma takes an empty OR inside an AND for no condition at all.
  if (globalIds.length === 0) return { id: { in: [] } };
  return {
    OR: globalIds.map((globalId) => {
      const { type, id } = decodeGlobalId(globalId) ?? { type: '', id: absentId };
      return { relatedResources: { array_contains: [{ type, id }] } };
    }),
  };
}

function inMessage(text: string | null | undefined): Prisma.TaskWhereInput['error'] {
  const condition = containing(text);
  return condition && { path: ['message'], string_contains: condition.contains, mode: condition.mode };
}

/** What VCDA can sort its tasks by (start, end, state, user), and what lists of tasks show besides. */
export const taskOrder = {
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
  INITIATED_BY: {
    column: 'initiatedBy',
    kind: 'text',
    nullable: true,
    description: 'By the name of who asked for it; what drgraph did by itself comes after all names.',
  },
  PROGRESS: {
    column: 'progress',
    kind: 'float',
    nullable: true,
    description: 'By progress; where it is not known it counts as the greatest. Moves while you page.',
  },
} satisfies Record<string, OrderField>;
