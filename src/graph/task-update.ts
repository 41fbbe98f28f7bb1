import { ForbiddenError, InvalidInputError, InvalidStateError, NotFoundError } from '../domain/error.ts';
import { updateTask } from '../domain/update-task.ts';
import { failures, inputDescription } from './action.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { loadEntity } from './entity.ts';
import { rowId } from './global-id.ts';
import { Task } from './task.ts';

const UpdateTaskPayload = builder.objectRef<{ taskId: string }>('UpdateTaskPayload').implement({
  description: 'The task was changed.',
  fields: (t) => ({
    task: t.field({
      type: Task,
      nullable: true,
      description: 'The task as it is now; null if it was deleted meanwhile.',
      resolve: ({ taskId }, _args, context, info) => loadEntity(context, info, 'Task', taskId),
    }),
  }),
});

const UpdateTaskInput = builder.inputType('UpdateTaskInput', {
  description: 'What to change of a task that is QUEUED. What is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'As `Task.id` gave it.' }),
    priority: t.int({
      description: '0 to 100: tasks with a higher one start first, where an hour of waiting is worth ten points.',
    }),
    notBefore: t.field({
      type: 'DateTime',
      description: 'Do not start it before this time. Null: it may start at once.',
    }),
    startBefore: t.field({
      type: 'DateTime',
      description: 'End it as FAILED (START_WINDOW_MISSED) when it could not be started by this time. Null: no limit.',
    }),
  }),
});

builder.mutationField('updateTask', (t) =>
  t.field({
    type: UpdateTaskPayload,
    description:
      'Changes the priority or the window of a task that is QUEUED; workers go by it at once. Needs the role OPERATOR.',
    errors: failures('updateTask', [ForbiddenError, InvalidInputError, InvalidStateError, NotFoundError]),
    args: { input: t.arg({ type: UpdateTaskInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      updateTask(context.domain, viewerOf(context), { ...input, id: rowId('Task', input.id) }),
  }),
);
