import type { Job, TaskFailure, Transactions } from './job.ts';
import { toJson } from './json.ts';
import { endQueuedSql } from './sql/end-queued.ts';
import { statesOf } from './transition.ts';

/**
 * Ends a task that nobody runs, with the job's `onUnfinished` in the same transaction. False if it is not queued any more.
 * `drop`: cancelled by somebody; `miss`: its start window has closed.
 */
export async function endQueued<Tx>(
  transactions: Transactions<Tx>,
  job: Job<Tx>,
  task: { id: string; input: unknown },
  end: { transition: 'drop'; requestedBy: string } | { transition: 'miss'; failure: TaskFailure },
): Promise<boolean> {
  const isMiss = end.transition === 'miss';
  const failure = isMiss ? end.failure : undefined;
  const requestedBy = isMiss ? null : end.requestedBy;
  return transactions.run(async (tx) => {
    const values = [task.id, statesOf(end.transition), toJson(failure), requestedBy, isMiss];
    const [row] = await transactions.sql(tx).query<{ wasStarted: boolean }>(endQueuedSql, values);
    if (!row) return false;
    const state = isMiss ? 'FAILED' : 'CANCELLED';
    await job.onUnfinished(tx, { id: task.id, state, failure, wasStarted: row.wasStarted }, task.input);
    return true;
  });
}
