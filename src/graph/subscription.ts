import { visibleTasks } from '../domain/visibility.ts';
import { known, taskKinds } from '../domain/vocabulary.ts';
import { taskStates } from '../engine/task.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { checkFilter } from './filter.ts';
import { absentId, decodeGlobalId, encodeGlobalId, rowIds } from './global-id.ts';
import { Task } from './task.ts';
import { type TaskEvent, type TaskEventType, type TaskFacts, taskEvents, taskProgress } from './task-event.ts';
import { TaskKindEnum } from './task-kind.ts';
import { TaskStateEnum } from './task-state.ts';

const TaskEventTypeEnum = builder.enumType('TaskEventType', {
  description: 'What happened to a task.',
  values: {
    CREATED: { description: 'It was asked for.' },
    UPDATED: { description: 'It was given another priority or window while it was QUEUED.' },
    STATE_CHANGED: { description: 'It went into another state. Never left out and never merged with another.' },
    PROGRESS: {
      description:
        'Its progress, phase or counters moved: at most about four a second for each task, and not replayed.',
    },
    DELETED: {
      description:
        'It was deleted after its end: the last that is heard of it. Its earlier events are gone with it and are not replayed.',
    },
  } satisfies Record<TaskEventType, { description: string }>,
});

const TaskEventObject = builder.objectRef<TaskEvent>('TaskEvent').implement({
  description: 'Something that happened to a task.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', {
      description:
        'Pass the last one that you got as `after`, and nothing is missed and nothing comes twice. Kept for 7 days. A PROGRESS event has that of the event before it.',
    }),
    type: t.field({ type: TaskEventTypeEnum, description: 'What happened.', resolve: ({ type }) => type }),
    taskId: t.id({
      description: "The task's `id`, also when the task itself is gone.",
      resolve: ({ taskId }) => encodeGlobalId('Task', taskId),
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened, by the clock of the database.' }),
    task: t.prismaField({
      type: Task,
      nullable: true,
      description:
        'The task as it was at this event, also when it is replayed later; PROGRESS: as it is now. Objects that it leads to are as they are now. Null once it was deleted.',
      resolve: async (query, { taskId, snapshot }, _args, context) => {
        const row = await context.domain.prisma.task.findFirst({
          ...query,
          where: { AND: [visibleTasks(viewerOf(context)), { id: taskId }] },
        });
        return row && Object.assign(row, snapshot);
      },
    }),
  }),
});

const TaskEventFilter = builder.inputType('TaskEventFilter', {
  description: 'Conditions on events, combined with AND, on the task as it was at the event.',
  fields: (t) => ({
    typeIn: t.field({
      type: [TaskEventTypeEnum],
      description: 'Only events of these types. Leave PROGRESS out to hear of states alone.',
    }),
    taskIdIn: t.idList({ description: 'Only events of these tasks. `taskProgress` follows one to its end.' }),
    kindIn: t.field({ type: [TaskKindEnum], description: 'Only events of tasks that do this.' }),
    stateIn: t.field({
      type: [TaskStateEnum],
      description: 'Only events that found or brought the task into one of these states.',
    }),
    providerIdIn: t.idList({ description: 'Only events of the work of these providers.' }),
    siteIdIn: t.idList({ description: 'Only events of work at these sites.' }),
    organizationIdIn: t.idList({ description: 'Only events of work about what these tenants own.' }),
    replicationIdIn: t.idList({ description: 'Only events of work on these replications.' }),
    virtualMachineIdIn: t.idList({ description: 'Only events of work about these machines.' }),
    resourceIdIn: t.idList({ description: 'Only events of tasks whose `resource` is one of these, of whatever type.' }),
    initiatedByIn: t.stringList({ description: 'Only events of tasks that users of these names asked for.' }),
  }),
});

function admission(filter: typeof TaskEventFilter.$inferInput) {
  checkFilter(filter);
  const resourceIds = filter.resourceIdIn?.map((id) => decodeGlobalId(id)?.id ?? absentId);
  const taskIds = rowIds('Task', filter.taskIdIn);
  const conditions: [readonly string[] | null | undefined, (facts: TaskFacts) => string | null][] = [
    [filter.kindIn, ({ kind }) => known(taskKinds, kind)],
    [filter.stateIn, ({ state }) => known(taskStates, state)],
    [rowIds('Provider', filter.providerIdIn), ({ providerId }) => providerId],
    [rowIds('Site', filter.siteIdIn), ({ siteId }) => siteId],
    [rowIds('Organization', filter.organizationIdIn), ({ organizationId }) => organizationId],
    [rowIds('Replication', filter.replicationIdIn), ({ replicationId }) => replicationId],
    [rowIds('VirtualMachine', filter.virtualMachineIdIn), ({ virtualMachineId }) => virtualMachineId],
    [resourceIds, ({ resourceId }) => resourceId],
    [filter.initiatedByIn, ({ initiatedBy }) => initiatedBy],
  ];
  return ({ type, taskId }: TaskEvent, facts: TaskFacts): boolean => {
    if (filter.typeIn && !filter.typeIn.includes(type)) return false;
    if (taskIds && !taskIds.includes(taskId)) return false;
    return conditions.every(([wanted, fact]) => {
      const value = fact(facts);
      return wanted == null || (value !== null && wanted.includes(value));
    });
  };
}

builder.subscriptionFields((t) => ({
  taskProgress: t.field({
    type: TaskEventObject,
    description:
      'One task: its current state at once, then every change of state and its progress, until it has ended (or was deleted, for a reader who comes late); then the subscription ends by itself. NOT_FOUND when there is no such task.',
    args: {
      id: t.arg.id({ required: true, description: 'As `Task.id` gave it.' }),
      after: t.arg.string({
        description:
          'Go on behind this cursor instead of starting with the current state. CURSOR_EXPIRED when its events are no longer kept.',
      }),
    },
    subscribe: (_root, { id, after }, context) => taskProgress(context, id, after),
    resolve: (event) => event,
  }),
  taskEvents: t.field({
    type: TaskEventObject,
    description: 'What happens to all tasks that you may see, from now on or behind a cursor, without end.',
    args: {
      filter: t.arg({ type: TaskEventFilter, description: 'Only events that meet every condition given here.' }),
      after: t.arg.string({
        description:
          'Replay what came behind this cursor, then go on live, without a gap. CURSOR_EXPIRED when its events are no longer kept.',
      }),
    },
    subscribe: (_root, { filter, after }, context) =>
      taskEvents(context, after, {
        progress: filter?.typeIn == null || filter.typeIn.includes('PROGRESS'),
        admits: admission(filter ?? {}),
      }),
    resolve: (event) => event,
  }),
}));
