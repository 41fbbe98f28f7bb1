import { z } from 'zod';
import { taskResult } from '../domain/task-result.ts';
import { known, taskKinds } from '../domain/vocabulary.ts';
import { isTerminal, taskStates } from '../engine/task.ts';
import { builder } from './builder.ts';
import { loadEntity } from './entity.ts';
import { isResourceType, Resource } from './resource.ts';
import { Task, TaskConnection, taskArgs, taskList } from './task.ts';
import { TaskKindEnum } from './task-kind.ts';
import { TaskResult } from './task-result.ts';
import { TaskStateEnum } from './task-state.ts';

const failure = z.object({ code: z.string(), message: z.string(), args: z.record(z.string(), z.unknown()).optional() });
const warningList = z.array(z.object({ code: z.string(), message: z.string() }));
const resourceList = z.array(z.object({ type: z.string(), id: z.uuid() }));

const TaskFailure = builder.objectRef<z.infer<typeof failure>>('TaskFailure').implement({
  description: 'Why a task ended FAILED, or what was wrong when it was cancelled.',
  fields: (t) => ({
    code: t.exposeString('code', {
      description:
        'A stable word for programs, such as WORKER_DIED, START_WINDOW_MISSED, OUTCOME_UNKNOWN, INTERNAL or one of the kind of task.',
    }),
    message: t.exposeString('message', {
      description: 'What happened, to what, and what to do. For people; its wording may change.',
    }),
    args: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The values that the message names, by name; null when it names none.',
      resolve: ({ args }) => args,
    }),
  }),
});

const TaskWarning = builder.objectRef<z.infer<typeof warningList>[number]>('TaskWarning').implement({
  description: 'Something that went wrong without stopping the task.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'A stable word for programs.' }),
    message: t.exposeString('message', { description: 'What happened and what to do, for people.' }),
  }),
});

const TaskWindow = builder.objectRef<{ notBefore: Date | null; startBefore: Date | null }>('TaskWindow').implement({
  description: 'When a task may start, as its input said.',
  fields: (t) => ({
    notBefore: t.expose('notBefore', {
      type: 'DateTime',
      nullable: true,
      description: 'Not started earlier than this; null: at once.',
    }),
    startBefore: t.expose('startBefore', {
      type: 'DateTime',
      nullable: true,
      description: 'Ends FAILED with START_WINDOW_MISSED when not started by then; null: no limit.',
    }),
  }),
});

const TaskWorker = builder.objectRef<{ id: string }>('TaskWorker').implement({
  description: 'The process that runs a task.',
  fields: (t) => ({
    id: t.exposeString('id', {
      description: 'Names one run of one process; a restarted process has a new one. The same as in its log.',
    }),
  }),
});

// What it is about.
builder.prismaObjectFields(Task, (t) => ({
  kind: t.field({
    type: TaskKindEnum,
    select: { kind: true },
    description: "What it does, in our words; the provider's own word is `nativeType`.",
    resolve: ({ kind }) => known(taskKinds, kind),
  }),
  provider: t.relation('provider', {
    nullable: true,
    description: 'The system that does the work; null for work of drgraph itself.',
  }),
  site: t.relation('site', {
    nullable: true,
    description: "Where the work happens: for a replication its destination. Null when it is no site's.",
  }),
  organization: t.relation('organization', {
    nullable: true,
    description: "Whose machine or replication it is about; null when no tenant's.",
  }),
  replication: t.relation('replication', {
    nullable: true,
    description: 'The replication that it works on; null for other work.',
  }),
  virtualMachine: t.relation('virtualMachine', {
    nullable: true,
    description: 'The machine that is protected or recovered; null for other work.',
  }),
  resource: t.field({
    type: Resource,
    nullable: true,
    select: { resourceType: true, resourceId: true },
    description: 'The object that it is mainly about. Null when there is none, or when it does not exist any more.',
    resolve: ({ resourceType: type, resourceId: id }, _args, context, info) =>
      type && id && isResourceType(type) ? loadEntity(context, info, type, id) : null,
  }),
  resourceName: t.exposeString('resourceName', {
    nullable: true,
    description:
      'What that object was called when this was asked for: it stays readable when the object is renamed or gone.',
  }),
  relatedResources: t.field({
    type: [Resource],
    select: { relatedResources: true },
    description:
      'Other objects that it touches, such as both sites of a replication. Those that do not exist any more are left out.',
    resolve: async ({ relatedResources }, _args, context, info) => {
      const wanted = resourceList.parse(relatedResources);
      const loaded = await Promise.all(
        wanted.map(({ type, id }) => (isResourceType(type) ? loadEntity(context, info, type, id) : null)),
      );
      return loaded.filter((row) => row !== null);
    },
  }),
  parent: t.relation('parent', {
    nullable: true,
    description: 'The larger piece of work that this is a part of; null when it stands alone.',
  }),
  children: t.connection(
    {
      type: Task,
      description: 'The parts that this work was divided into.',
      args: taskArgs,
      ...taskList.related('children'),
    },
    TaskConnection,
  ),
  retryOf: t.relation('retryOf', {
    nullable: true,
    description: 'The task that did not succeed and that this one does again, by `retryTask`; null for any other.',
  }),
  retriedBy: t.relation('retriedBy', {
    nullable: true,
    description: 'The task that does this one again; null when nobody asked for that.',
  }),
  nativeId: t.exposeString('nativeId', {
    nullable: true,
    description: "The provider's own id of its task; null for work that runs in drgraph.",
  }),
  nativeType: t.exposeString('nativeType', {
    nullable: true,
    description: "The provider's own word for what it does; null for work that runs in drgraph.",
  }),
  nativeState: t.exposeString('nativeState', {
    nullable: true,
    description: "The provider's own word for its state; null for work that runs in drgraph.",
  }),
  operationId: t.exposeString('operationId', {
    nullable: true,
    description:
      'The id that the caller gave its request in the header `operationID` or `x-request-id`; the same is in the log.',
  }),
  initiatedBy: t.exposeString('initiatedBy', {
    nullable: true,
    description: 'Name of who asked for it, kept even when that user is gone; null when drgraph did by itself.',
  }),
  initiator: t.relation('initiator', {
    nullable: true,
    description:
      'The user who asked for it; null when that was nobody here, such as drgraph itself or a user of the provider.',
  }),
}));

// How it goes.
builder.prismaObjectFields(Task, (t) => ({
  state: t.field({
    type: TaskStateEnum,
    select: { state: true },
    description: 'Where it is in its life.',
    resolve: ({ state }) => known(taskStates, state),
  }),
  progress: t.exposeFloat('progress', {
    nullable: true,
    description: '0 to 100, of the whole task; null while it is not known. Written about four times a second.',
  }),
  phase: t.exposeString('phase', {
    nullable: true,
    description: 'What it is doing right now, such as SYNC or RESTORE; null when it does not say.',
  }),
  bytesDone: t.expose('bytesDone', {
    type: 'BigInt',
    nullable: true,
    description: 'Bytes worked through so far, of `bytesTotal`; null when it does not count bytes.',
  }),
  bytesTotal: t.expose('bytesTotal', {
    type: 'BigInt',
    nullable: true,
    description: 'Bytes to work through in all; null while it is not known.',
  }),
  objectsDone: t.expose('objectsDone', {
    type: 'BigInt',
    nullable: true,
    description: 'Objects (machines, files, disks) worked through so far; null when it does not count them.',
  }),
  objectsTotal: t.expose('objectsTotal', {
    type: 'BigInt',
    nullable: true,
    description: 'Objects to work through in all; null while it is not known.',
  }),
  transferRate: t.exposeFloat('transferRate', {
    nullable: true,
    description: 'Bytes a second over the last seconds; null when nothing is transferred.',
  }),
  window: t.field({
    type: TaskWindow,
    select: { notBefore: true, startBefore: true },
    description: 'When it may start.',
    resolve: (task) => task,
  }),
  priority: t.exposeInt('priority', {
    description:
      '0 to 100; of the tasks that may start, the highest starts first, then the oldest. Waiting counts too, so that none waits for ever: an hour is worth ten points. 50 unless asked otherwise.',
  }),
  isCancellable: t.boolean({
    select: { isCancellable: true, state: true },
    description:
      'Whether `cancelTasks` would do something now: false for kinds that must not stop half-way, and once it was cancelled or has ended.',
    resolve: ({ isCancellable, state }) => isCancellable && state !== 'CANCELLING' && !isTerminal(state),
  }),
  cancelRequestedAt: t.expose('cancelRequestedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When somebody asked for it to be cancelled; null when nobody did.',
  }),
  cancelRequestedBy: t.exposeString('cancelRequestedBy', {
    nullable: true,
    description: 'Name of who asked for it to be cancelled; null when nobody did.',
  }),
  waitingFor: t.exposeString('waitingFor', {
    nullable: true,
    description:
      "While it is RUNNING but waits, such as for a provider's task or a time: for what. Null while it works.",
  }),
  worker: t.field({
    type: TaskWorker,
    nullable: true,
    select: { workerId: true },
    description: 'What runs it, or ran it last; null before the first start.',
    resolve: ({ workerId }) => (workerId === null ? null : { id: workerId }),
  }),
  attempts: t.exposeInt('attempts', {
    description: 'How often it was started: more than 1 when a worker died and another went on from its last step.',
  }),
  maxAttempts: t.exposeInt('maxAttempts', {
    description: 'After so many starts whose workers died it ends FAILED with WORKER_DIED.',
  }),
}));

// When it went, and how it ended.
builder.prismaObjectFields(Task, (t) => ({
  createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
  startedAt: t.expose('startedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When a worker first took it; null before that.',
  }),
  updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When its state or its progress last changed.' }),
  finishedAt: t.expose('finishedAt', {
    type: 'DateTime',
    nullable: true,
    description: 'When it reached a final state; null before that.',
  }),
  duration: t.float({
    nullable: true,
    select: { startedAt: true, finishedAt: true },
    description: 'Seconds from the first start to the end, or until now while it runs; null before it was started.',
    resolve: ({ startedAt, finishedAt }) =>
      startedAt ? ((finishedAt ?? new Date()).getTime() - startedAt.getTime()) / 1000 : null,
  }),
  completeReason: t.exposeString('completeReason', {
    nullable: true,
    description: 'More about how it ended, such as "nothing had changed"; null when there is no more to say.',
  }),
  error: t.field({
    type: TaskFailure,
    nullable: true,
    select: { error: true },
    description: 'Why it failed; null unless it did.',
    resolve: ({ error }) => (error === null ? null : failure.parse(error)),
  }),
  warnings: t.field({
    type: [TaskWarning],
    select: { warnings: true },
    description: 'What went wrong without stopping it, in the order it happened.',
    resolve: ({ warnings }) => warningList.parse(warnings),
  }),
  result: t.field({
    type: TaskResult,
    nullable: true,
    select: { result: true },
    description:
      'What it brought about; its type depends on `kind`. Null until it SUCCEEDED, and for kinds without a result.',
    resolve: ({ result }) => (result === null ? null : taskResult.parse(result)),
  }),
}));
