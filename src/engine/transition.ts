import type { TaskState } from './task.ts';

/** Who makes a transition: the queue in an API process, or a worker. */
type Maker = 'queue' | 'worker';

/**
 * Every transition of a task, by name: who makes it, and which state follows from which. The statements take their states
 * from here, so that there is no other way from one state to another. A transition to the same state changes who holds the
 * task, or until when.
 */
export const transitions = {
  /** Came too late in the queue: its startBefore has passed. */
  miss: { by: 'worker', states: { QUEUED: 'FAILED' } },
  /** It is given another priority or window while it waits for a worker. */
  change: { by: 'queue', states: { QUEUED: 'QUEUED' } },
  /** A worker takes it and holds its lease. */
  claim: { by: 'worker', states: { QUEUED: 'RUNNING' } },
  /** Another worker takes what a dead one left, or what waited and is due. A cancelled one is run again so that it can stop. */
  resume: { by: 'worker', states: { RUNNING: 'RUNNING', CANCELLING: 'CANCELLING' } },
  /** The job asked to be run again later; its lease and slot are given up. */
  wait: { by: 'worker', states: { RUNNING: 'RUNNING', CANCELLING: 'CANCELLING' } },
  /** The worker stops, or lost its database: somebody else may take the task at once. */
  handBack: { by: 'worker', states: { RUNNING: 'QUEUED', CANCELLING: 'CANCELLING' } },
  /** The job reached its goal, perhaps before it heard of a cancel. */
  succeed: { by: 'worker', states: { RUNNING: 'SUCCEEDED', CANCELLING: 'SUCCEEDED' } },
  fail: { by: 'worker', states: { RUNNING: 'FAILED', CANCELLING: 'FAILED' } },
  /** The job has really stopped after a cancel. */
  stop: { by: 'worker', states: { CANCELLING: 'CANCELLED' } },
  /** Nobody had taken it yet. */
  drop: { by: 'queue', states: { QUEUED: 'CANCELLED' } },
  /** It is running, or waiting: its job is told to stop. */
  cancel: { by: 'queue', states: { RUNNING: 'CANCELLING' } },
} as const satisfies Record<string, { by: Maker; states: Partial<Record<TaskState, TaskState>> }>;

export type Transition = keyof typeof transitions;

/** The transition's states as a statement takes them: a JSON object from old to new. */
export function statesOf(transition: Transition): string {
  return JSON.stringify(transitions[transition].states);
}
