/** The reason of a job's signal: somebody asked for the task to be cancelled. The task ends CANCELLED once the job has stopped. */
export class TaskCancelled extends Error {
  constructor() {
    super('The task was cancelled.');
    this.name = 'TaskCancelled';
  }
}

/** The reason of a job's signal: this worker no longer holds the task. Nothing that the job still writes is kept. */
export class LeaseLost extends Error {
  constructor() {
    super('This worker has lost the lease on the task; another one goes on with it.');
    this.name = 'LeaseLost';
  }
}

/** The reason of a job's signal: the worker is being stopped. The task is handed back and goes on elsewhere from its checkpoint. */
export class WorkerStopping extends Error {
  constructor() {
    super('The worker is being stopped; the task is handed back.');
    this.name = 'WorkerStopping';
  }
}

/** True if the error, or what caused it, is that the job was told to stop. */
export function isAbort(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'AbortError') return true;
    if (cause instanceof TaskCancelled || cause instanceof LeaseLost || cause instanceof WorkerStopping) return true;
  }
  return false;
}
