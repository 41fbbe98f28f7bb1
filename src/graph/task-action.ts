import { ConflictError, ForbiddenError, InvalidInputError } from '../domain/error.ts';
import { cancelTasks, deleteTasks } from '../domain/steer-task.ts';
import type { CancelOutcome, DeleteOutcome } from '../engine/task.ts';
import { failures, inputDescription } from './action.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { loadEntity } from './entity.ts';
import { Task } from './task.ts';
import { answersOf, type SteeredTask, selectionOf, taskSelectionInput } from './task-selection.ts';

const CancelOutcomeEnum = builder.enumType('CancelOutcome', {
  description: 'What asking for a task to be cancelled did.',
  values: {
    CANCELLED: { description: 'It had not started and never will.' },
    CANCELLING: { description: 'It was told to stop; it is CANCELLED once it has.' },
    ALREADY_ENDED: { description: 'It had ended before; nothing changed.' },
    NOT_CANCELLABLE: { description: 'It must not stop half-way; it goes on.' },
    NOT_FOUND: { description: 'There is no such task, or none that you may see.' },
  } satisfies Record<CancelOutcome, { description: string }>,
});

type Cancelled = SteeredTask<CancelOutcome>;

const CancelTasksResultItem = builder.objectRef<Cancelled>('CancelledTask').implement({
  description: 'What became of one id that was asked for.',
  fields: (t) => ({
    id: t.field({
      type: 'ID',
      description: 'The id as it was given; that of the task where a filter found it.',
      resolve: ({ id }) => id,
    }),
    outcome: t.field({ type: CancelOutcomeEnum, description: 'What asking did.', resolve: ({ outcome }) => outcome }),
    task: t.field({
      type: Task,
      nullable: true,
      description: 'The task as it is now; null when there is none.',
      resolve: ({ taskId }, _args, context, info) => loadEntity(context, info, 'Task', taskId),
    }),
  }),
});

const CancelTasksPayload = builder.objectRef<{ results: Cancelled[] }>('CancelTasksPayload').implement({
  description: 'What became of each task. Some may have been cancelled while others could not be.',
  fields: (t) => ({
    results: t.field({
      type: [CancelTasksResultItem],
      description: 'One for each id in the order given, or for each task that the filter matched, the oldest first.',
      resolve: ({ results }) => results,
    }),
  }),
});

const CancelTasksInput = taskSelectionInput('CancelTasksInput', 'Which tasks to cancel.');

builder.mutationField('cancelTasks', (t) =>
  t.field({
    type: CancelTasksPayload,
    description:
      'Asks for tasks to be cancelled, by their ids or all that a filter matches. A running task stops at its next safe point. Needs the role OPERATOR.',
    errors: failures('cancelTasks', [ForbiddenError, InvalidInputError, ConflictError]),
    args: { input: t.arg({ type: CancelTasksInput, required: true, description: inputDescription }) },
    resolve: async (_root, { input }, context) => {
      const { results } = await cancelTasks(context.domain, viewerOf(context), selectionOf(input));
      return { results: answersOf(input, results) };
    },
  }),
);

const DeleteOutcomeEnum = builder.enumType('DeleteOutcome', {
  description: 'What asking for a task to be deleted did.',
  values: {
    DELETED: { description: 'It is gone, with its parts and its events.' },
    NOT_ENDED: {
      description:
        'It, one of its parts, or the task that it is a part of, has not ended yet: cancel that, or wait. Nothing changed.',
    },
    NOT_FOUND: { description: 'There is no such task, or none that you may see.' },
  } satisfies Record<DeleteOutcome, { description: string }>,
});

const DeletedTask = builder.objectRef<SteeredTask<DeleteOutcome>>('DeletedTask').implement({
  description: 'What became of one task that was to be deleted.',
  fields: (t) => ({
    id: t.field({
      type: 'ID',
      description: 'The id as it was given; that of the task where a filter found it.',
      resolve: ({ id }) => id,
    }),
    outcome: t.field({ type: DeleteOutcomeEnum, description: 'What asking did.', resolve: ({ outcome }) => outcome }),
    task: t.field({
      type: Task,
      nullable: true,
      description: 'The task where it was not deleted; null when it is gone or never was.',
      resolve: ({ taskId }, _args, context, info) => loadEntity(context, info, 'Task', taskId),
    }),
  }),
});

const DeleteTasksPayload = builder
  .objectRef<{ results: SteeredTask<DeleteOutcome>[] }>('DeleteTasksPayload')
  .implement({
    description: 'What became of each task. Some may be gone while others could not be deleted.',
    fields: (t) => ({
      results: t.field({
        type: [DeletedTask],
        description: 'One for each id in the order given, or for each task that the filter matched, the oldest first.',
        resolve: ({ results }) => results,
      }),
    }),
  });

const DeleteTasksInput = taskSelectionInput('DeleteTasksInput', 'Which tasks to delete.');

builder.mutationField('deleteTasks', (t) =>
  t.field({
    type: DeleteTasksPayload,
    description:
      'Deletes tasks that have ended, with their parts and events, for good: their `clientToken` may be used anew. What they did stays done. Subscribers hear of it by an event DELETED. Needs the role OPERATOR.',
    errors: failures('deleteTasks', [ForbiddenError, InvalidInputError, ConflictError]),
    args: { input: t.arg({ type: DeleteTasksInput, required: true, description: inputDescription }) },
    resolve: async (_root, { input }, context) => {
      const { results } = await deleteTasks(context.domain, viewerOf(context), selectionOf(input));
      return { results: answersOf(input, results) };
    },
  }),
);
