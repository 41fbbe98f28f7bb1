/** The states of a task's life. The engine owns every transition; see `transition.ts` for the table. */
export const taskStates = [
  'QUEUED',
  'RUNNING',
  'WAITING_FOR_INPUT',
  'PAUSED',
  'CANCELLING',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
  'UNKNOWN',
] as const;
export type TaskState = (typeof taskStates)[number];

/** States that a task never leaves. */
export const terminalStates = ['SUCCEEDED', 'FAILED', 'CANCELLED'] as const satisfies readonly TaskState[];

/** True once the task has ended. */
export function isTerminal(state: string): boolean {
  return terminalStates.some((terminal) => terminal === state);
}

/**
 * A task to be queued. `about` holds the columns of the Task table that the engine does not understand (provider, site,
 * resource, initiator, …); they are written as they are.
 */
export interface NewTask {
  kind: string;
  input: unknown;
  /** At most one active task has this key. */
  entityKey?: string;
  /** Within a scope (the caller), repeating a token gives the first task instead of a new one. */
  client?: { scope: string; token: string };
  priority?: number;
  notBefore?: Date;
  startBefore?: Date;
  about?: Record<string, string | readonly { type: string; id: string }[] | null | undefined>;
}

/** What a queued task is given anew; fields left out stay as they are, null takes a bound away. */
export interface TaskChanges {
  priority?: number;
  notBefore?: Date | null;
  startBefore?: Date | null;
}

/** What became of a submission. */
export type Enqueued =
  | { outcome: 'created'; taskId: string }
  /** The client token was used before: this is the task that it made. */
  | { outcome: 'repeated'; taskId: string; kind: string; input: unknown }
  /** Another active task holds the entity key. */
  | { outcome: 'conflict'; taskId: string; kind: string };

/** What became of one task that somebody asked to delete. */
export type DeleteOutcome = 'DELETED' | 'NOT_ENDED' | 'NOT_FOUND';

/** What became of one task that somebody asked to cancel. */
export type CancelOutcome = 'CANCELLED' | 'CANCELLING' | 'ALREADY_ENDED' | 'NOT_CANCELLABLE' | 'NOT_FOUND';
