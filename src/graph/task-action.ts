import { ForbiddenError, InvalidInputError } from '../domain/error.ts';
import { cancelTasks } from '../domain/task.ts';
import type { CancelOutcome } from '../engine/task.ts';
import { failures, inputDescription } from './action.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { loadEntity } from './entity.ts';
import { rowId } from './global-id.ts';
import { Task } from './task.ts';

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

interface Cancelled {
  id: string;
  taskId: string;
  outcome: CancelOutcome;
}

const CancelTasksResultItem = builder.objectRef<Cancelled>('CancelledTask').implement({
  description: 'What became of one id that was asked for.',
  fields: (t) => ({
    id: t.field({ type: 'ID', description: 'The id as it was given.', resolve: ({ id }) => id }),
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
      description: 'One for each id, in the order given.',
      resolve: ({ results }) => results,
    }),
  }),
});

const CancelTasksInput = builder.inputType('CancelTasksInput', {
  description: 'Which tasks to cancel.',
  fields: (t) => ({ ids: t.idList({ required: true, description: 'Ids of tasks, 1 to 500.' }) }),
});

builder.mutationField('cancelTasks', (t) =>
  t.field({
    type: CancelTasksPayload,
    description:
      'Asks for tasks to be cancelled. A running task stops at its next safe point. Needs the role OPERATOR.',
    errors: failures('cancelTasks', [ForbiddenError, InvalidInputError]),
    args: { input: t.arg({ type: CancelTasksInput, required: true, description: inputDescription }) },
    resolve: async (_root, { input: { ids } }, context) => {
      const { results } = await cancelTasks(context.domain, viewerOf(context), {
        ids: ids.map((id) => rowId('Task', id)),
      });
      return { results: results.map((result, index) => ({ ...result, id: ids[index] ?? result.taskId })) };
    },
  }),
);
