import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  InvalidStateError,
  NotFoundError,
  ProviderError,
  type ProviderErrorKind,
  UnsupportedError,
} from '../domain/error.ts';
import { replicationActions } from '../domain/vocabulary.ts';
import { builder } from './builder.ts';
import { loadEntity } from './entity.ts';
import { ReplicationActionEnum } from './replication-state.ts';
import { Task } from './task.ts';

const ErrorCode = builder.enumType('ErrorCode', {
  description: 'Why an action was refused, for programs. The message says the same to people, in detail.',
  values: {
    NOT_FOUND: { description: 'There is no such object, or none that you may see: both look alike.' },
    FORBIDDEN: { description: 'Your roles do not allow this action.' },
    INVALID_INPUT: { description: 'One or more input fields are wrong.' },
    INVALID_STATE: { description: 'The object is in a state that does not allow this action now.' },
    UNSUPPORTED: { description: 'The provider cannot do this at all.' },
    CONFLICT: { description: 'Another task or object is in the way.' },
    PROVIDER: { description: 'The provider failed or refused.' },
  },
});

const ErrorInterface = builder.interfaceRef<{ message: string; code: string }>('Error').implement({
  description: 'Why an action did not happen. Every member of a result union that is no payload implements it.',
  fields: (t) => ({
    message: t.exposeString('message', {
      description: 'What happened, to what, and what to do. For people; its wording may change.',
    }),
    code: t.field({
      type: ErrorCode,
      description: 'The kind of failure, for programs. Stays the same over versions.',
      resolve: ({ code }) => codes.find((known) => known === code) ?? 'PROVIDER',
    }),
  }),
});

const codes = [
  'NOT_FOUND',
  'FORBIDDEN',
  'INVALID_INPUT',
  'INVALID_STATE',
  'UNSUPPORTED',
  'CONFLICT',
  'PROVIDER',
] as const;

builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  interfaces: [ErrorInterface],
  description:
    'An object that the input names does not exist, or you may not know that it does. A malformed id answers so too.',
});

builder.objectType(ForbiddenError, {
  name: 'ForbiddenError',
  interfaces: [ErrorInterface],
  description: 'You are signed in, but your roles do not allow this, or (at sign-in) there were too many failed tries.',
});

const FieldProblem = builder.objectRef<{ path: string[]; message: string }>('FieldProblem').implement({
  description: 'What is wrong with one field of an input.',
  fields: (t) => ({
    path: t.exposeStringList('path', {
      description:
        'Field names and list positions from the root of `input`, such as ["settings", "retentionRules", "0", "distanceMinutes"].',
    }),
    message: t.exposeString('message', { description: 'What the field was and what it may be.' }),
  }),
});

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  interfaces: [ErrorInterface],
  description: 'The input has the right types but values that cannot be used. All problems are reported together.',
  fields: (t) => ({
    fields: t.field({ type: [FieldProblem], description: 'Each wrong field.', resolve: ({ fields }) => fields }),
  }),
});

builder.objectType(InvalidStateError, {
  name: 'InvalidStateError',
  interfaces: [ErrorInterface],
  description: 'The object is in a state in which this action makes no sense; says which actions do.',
  fields: (t) => ({
    state: t.exposeString('state', {
      description: "The object's state when the action was tried, a value of its state's enumeration.",
    }),
    allowedActions: t.field({
      type: [ReplicationActionEnum],
      description:
        'What can be done to the replication instead, right now: its `availableActions`. Empty where the object is no replication.',
      resolve: ({ allowedActions }) => replicationActions.filter((action) => allowedActions.includes(action)),
    }),
  }),
});

builder.objectType(UnsupportedError, {
  name: 'UnsupportedError',
  interfaces: [ErrorInterface],
  description: 'The provider of this object has no such function; trying again does not help.',
});

builder.objectType(ConflictError, {
  name: 'ConflictError',
  interfaces: [ErrorInterface],
  description:
    'Something is in the way: a task that works on the same object, a name already taken, or a client token used for something else.',
  fields: (t) => ({
    task: t.field({
      type: Task,
      nullable: true,
      description: 'The task in the way: watch it, or cancel it. Null when it is no task.',
      resolve: ({ taskId }, _args, context, info) => (taskId ? loadEntity(context, info, 'Task', taskId) : null),
    }),
  }),
});

const ProviderErrorKindEnum = builder.enumType('ProviderErrorKind', {
  description: 'What a provider gave instead of success.',
  values: {
    UNREACHABLE: { description: 'No answer in time, or no connection.' },
    DENIED: { description: 'It does not accept the credentials that drgraph has for it.' },
    NOT_FOUND: { description: 'It does not know the object any more; an inventory will show that.' },
    CONFLICT: { description: 'Something at the provider is in the way.' },
    REJECTED: { description: 'It understood and refused; `providerCode` says why.' },
    INVALID_REPLY: { description: 'It answered something that is not in its documentation.' },
  } satisfies Record<ProviderErrorKind, { description: string }>,
});

builder.objectType(ProviderError, {
  name: 'ProviderError',
  interfaces: [ErrorInterface],
  description: 'The system behind this object failed or refused.',
  fields: (t) => ({
    kind: t.field({ type: ProviderErrorKindEnum, description: 'How it failed.', resolve: ({ kind }) => kind }),
    providerCode: t.string({
      nullable: true,
      description: "The provider's own code of the failure, as it said it; null when it said none.",
      resolve: ({ providerCode }) => providerCode,
    }),
  }),
});
