/** Failures that a caller can understand and act on. The graph maps each class to the type of the same name. */
export abstract class DomainError extends Error {
  abstract readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The object does not exist, or the viewer may not know that it does: both answer alike. */
export class NotFoundError extends DomainError {
  readonly code = 'NOT_FOUND';
}

/** The viewer sees the object but may not do this to it. */
export class ForbiddenError extends DomainError {
  readonly code = 'FORBIDDEN';
}

export interface FieldProblem {
  /** Names and list positions from the input's root, for example ["settings", "retentionRules", "0", "distanceMinutes"]. */
  path: string[];
  message: string;
}

/** One or more input fields are wrong; each problem names the field and what to do. */
export class InvalidInputError extends DomainError {
  readonly code = 'INVALID_INPUT';
  readonly fields: FieldProblem[];
  constructor(
    fields: FieldProblem[],
    message = fields.map((field) => `${field.path.join('.')}: ${field.message}`).join(' '),
  ) {
    super(message);
    this.fields = fields;
  }
}

/** The object's state does not allow the action; says which actions it allows now. */
export class InvalidStateError extends DomainError {
  readonly code = 'INVALID_STATE';
  readonly state: string;
  readonly allowedActions: readonly string[];
  constructor(message: string, state: string, allowedActions: readonly string[]) {
    super(message);
    this.state = state;
    this.allowedActions = allowedActions;
  }
}

/** The provider cannot do this, now or ever; says why. */
export class UnsupportedError extends DomainError {
  readonly code = 'UNSUPPORTED';
}

/** Another task or object is in the way; names it. */
export class ConflictError extends DomainError {
  readonly code = 'CONFLICT';
  readonly taskId: string | undefined;
  constructor(message: string, taskId?: string) {
    super(message);
    this.taskId = taskId;
  }
}

/** What kind of answer a provider gave instead of success. */
export const providerErrorKinds = [
  'UNREACHABLE',
  'DENIED',
  'NOT_FOUND',
  'CONFLICT',
  'REJECTED',
  'INVALID_REPLY',
] as const;
export type ProviderErrorKind = (typeof providerErrorKinds)[number];

/** A provider failed or refused. `providerCode` is its own word. */
export class ProviderError extends DomainError {
  readonly code = 'PROVIDER';
  readonly kind: ProviderErrorKind;
  readonly providerCode: string | undefined;
  constructor(message: string, kind: ProviderErrorKind, providerCode?: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.providerCode = providerCode;
  }
}

/** No session, or one that ended. Not part of any mutation's union: the request as a whole is refused. */
export class UnauthenticatedError extends DomainError {
  readonly code = 'UNAUTHENTICATED';
}
