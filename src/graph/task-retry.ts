import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  InvalidStateError,
  NotFoundError,
  ProviderError,
  UnsupportedError,
} from '../domain/error.ts';
import { retryTask } from '../domain/retry-task.ts';
import { failures, inputDescription, taskOptionFields, taskPayload } from './action.ts';
import { builder } from './builder.ts';
import { viewerOf } from './context.ts';
import { rowId } from './global-id.ts';

const RetryTaskPayload = taskPayload('RetryTaskPayload');

const RetryTaskInput = builder.inputType('RetryTaskInput', {
  description: 'Which task to do again, and when. Without a `priority` it gets the one that the first had.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'A task that FAILED or was CANCELLED, as `Task.id` gave it.' }),
    ...taskOptionFields(t),
  }),
});

builder.mutationField('retryTask', (t) =>
  t.field({
    type: RetryTaskPayload,
    description:
      "Does the work of a task that FAILED or was CANCELLED again, as a new task: `Task.retryOf` and `Task.retriedBy` link the two. All checks of its action are made anew, for you. A task is retried once; then its retry can be. Not where repeating could harm: of kind START_REPLICATION, or when the first one's outcome is unknown. Needs the role OPERATOR.",
    errors: failures('retryTask', [
      NotFoundError,
      ForbiddenError,
      InvalidInputError,
      InvalidStateError,
      UnsupportedError,
      ConflictError,
      ProviderError,
    ]),
    args: { input: t.arg({ type: RetryTaskInput, required: true, description: inputDescription }) },
    resolve: (_root, { input }, context) =>
      retryTask(context.domain, viewerOf(context), {
        ...input,
        id: rowId('Task', input.id),
        operationId: context.operationId,
      }),
  }),
);
