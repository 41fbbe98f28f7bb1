import type { DomainError } from '../domain/error.ts';
import { builder, type InputFields, type SchemaTypes } from './builder.ts';
import { loadEntity } from './entity.ts';
import { Task } from './task.ts';

type ErrorClass = new (...args: never[]) => DomainError;

/** The description of every action's one argument. */
export const inputDescription = 'What to do, to what, and how.';

/**
 * Makes a mutation `verbNoun(input: VerbNounInput!)` answer `VerbNounResult`: a union of its payload and exactly the errors that
 * the domain's function can end in. Any other error is the request's own.
 */
export function failures(name: string, types: ErrorClass[]) {
  return {
    types,
    union: {
      name: `${name.charAt(0).toUpperCase()}${name.slice(1)}Result`,
      description: `What became of ${name}: its payload, or why it was refused. \`... on Error { message code }\` covers every refusal.`,
    },
  };
}

/** Input fields of every action that becomes a task. */
export function taskOptionFields(t: InputFields) {
  return {
    ...submissionFields(t),
    notBefore: t.field({
      type: 'DateTime',
      description:
        'Do not start the task before this time. It holds its place meanwhile: other actions on the same object are refused.',
    }),
    startBefore: t.field({
      type: 'DateTime',
      description: 'End the task as FAILED (START_WINDOW_MISSED) when it could not be started by this time.',
    }),
    priority: t.int({
      description:
        '0 to 100: tasks with a higher one start first, where an hour of waiting is worth ten points. 50 when not given.',
    }),
  };
}

/** Input fields of every action that can be repeated and tried out. */
export function submissionFields(t: InputFields) {
  return {
    clientToken: t.string({
      description:
        'Makes repeating safe: the same token with the same input answers with what it made the first time, also after a restart. 1 to 255 characters, such as a UUID.',
    }),
    validateOnly: validateOnlyField(t),
  };
}

/** The input field of actions that can be tried out. */
export function validateOnlyField(t: InputFields) {
  return t.boolean({ description: 'Make every check and change nothing. The objects in the payload are null then.' });
}

/** The result's `task` of an action that becomes one. */
export interface TaskPayload {
  taskId: string | null;
}

/** A payload that carries nothing but the action's task. */
export function taskPayload(name: string) {
  return builder.objectRef<TaskPayload>(name).implement({
    description: 'The action was accepted and kept; its work goes on in the task.',
    fields: (t) => ({ task: taskField(t) }),
  });
}

/** The field `task` of a payload. */
export function taskField(t: PothosSchemaTypes.ObjectFieldBuilder<SchemaTypes, TaskPayload>) {
  return t.field({
    type: Task,
    nullable: true,
    description: 'The work: watch it with `taskProgress`. Null when only validation was asked for.',
    resolve: ({ taskId }, _args, context, info) => (taskId ? loadEntity(context, info, 'Task', taskId) : null),
  });
}
