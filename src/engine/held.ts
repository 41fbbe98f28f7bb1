import { LeaseLost, TaskCancelled } from './abort.ts';
import type { ClaimedTask } from './claim.ts';
import type { Job, Progress, Warning } from './job.ts';

/** A task that this worker holds, from its claim until what became of it is written. */
export interface Held<Tx> {
  readonly task: ClaimedTask;
  readonly job: Job<Tx>;
  readonly controller: AbortController;
  /** When a renewal that the database confirmed was sent, on this process's monotonic clock. */
  confirmedAt: number;
  /** What the job said and was not written yet. */
  progress: Progress;
  warnings: Warning[];
}

/** The worker's tasks by id. */
export type HeldTasks<Tx> = Map<string, Held<Tx>>;

/** `sentAt`: when the claim was sent. The lease is at least as long on the database's clock. */
export function hold<Tx>(task: ClaimedTask, job: Job<Tx>, sentAt: number): Held<Tx> {
  const controller = new AbortController();
  if (task.isCancelled) controller.abort(new TaskCancelled());
  return { task, job, controller, confirmedAt: sentAt, progress: {}, warnings: [] };
}

/** True while nobody else can have taken the task, as far as this process's own clock tells. */
export function isWithinLease<Tx>(held: Held<Tx>, stopAfterMs: number): boolean {
  return performance.now() - held.confirmedAt < stopAfterMs;
}

/** Tells the job that its task is no longer this worker's. */
export function lose<Tx>(held: Held<Tx>): LeaseLost {
  const reason = new LeaseLost();
  held.controller.abort(reason);
  return reason;
}
