import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { isAbort, LeaseLost, TaskCancelled, WorkerStopping } from './abort.ts';
import type { Finisher } from './finisher.ts';
import type { Held } from './held.ts';
import { JobFailure, type JobOutcome, type TaskFailure, type Transactions } from './job.ts';
import { toJson } from './json.ts';
import { isLostConnection, onDatabase } from './lost-connection.ts';
import { type Said, takeSaid } from './progress.ts';
import { endTasksSql } from './sql/end-tasks.ts';
import { handBackSql } from './sql/hand-back.ts';
import { waitTaskSql } from './sql/wait-task.ts';
import { statesOf } from './transition.ts';

/** What is to be written of a run. */
export type Verdict<Tx> =
  | { verdict: 'outcome'; outcome: JobOutcome<unknown, Tx> }
  | { verdict: 'fail'; failure: TaskFailure }
  | { verdict: 'stop' }
  | { verdict: 'handBack'; inMs: number }
  /** The task is not this worker's any more. */
  | { verdict: 'nothing' };

const retryMs = 200;
const afterLostConnectionMs = 1_000;

/** What an exception of a job, or of what was to be committed with it, means for its task. */
export function judge<Tx>(held: Held<Tx>, error: unknown, log: Logger): Verdict<Tx> {
  const reason: unknown = held.controller.signal.reason;
  if (reason instanceof LeaseLost || error instanceof LeaseLost) return { verdict: 'nothing' };
  if (reason instanceof WorkerStopping) return { verdict: 'handBack', inMs: 0 };
  // Not the job's failure, and no dead worker either: it goes on from its checkpoint.
  if (isLostConnection(error)) return { verdict: 'handBack', inMs: afterLostConnectionMs };
  const wasCancelled = reason instanceof TaskCancelled;
  if (error instanceof JobFailure && !(wasCancelled && isAbort(error)))
    return { verdict: 'fail', failure: error.failure };
  if (wasCancelled) {
    if (!isAbort(error)) log.warn({ err: error, taskId: held.task.id }, 'A cancelled task stopped with an error.');
    return { verdict: 'stop' };
  }
  log.error({ err: error, taskId: held.task.id, kind: held.task.kind }, 'A task failed unexpectedly.');
  const message = `The task failed unexpectedly. The service's log says why, under the task's id ${held.task.id}.`;
  return { verdict: 'fail', failure: { code: 'INTERNAL', message } };
}

interface SettleOptions<Tx> {
  pool: pg.Pool;
  transactions: Transactions<Tx>;
  finisher: Finisher;
  log: Logger;
  /** Aborted when the worker waits no longer. */
  giveUp: AbortSignal;
  onWritten: () => void;
}

/**
 * Writes what became of a run, fenced by its lease. While the database cannot be reached it tries again: the fence tells in
 * the end whether an earlier try was committed after all, or somebody else has the task by now.
 */
export async function settle<Tx>(options: SettleOptions<Tx>, held: Held<Tx>, first: Verdict<Tx>): Promise<void> {
  const { log, giveUp, onWritten } = options;
  const said = takeSaid(held);
  let verdict = first;
  while (!giveUp.aborted) {
    try {
      if (!(await onDatabase(() => write(options, held, said, verdict)))) {
        log.info({ taskId: held.task.id }, 'What became of a task was not written: its lease is not held any more.');
      }
      onWritten();
      return;
    } catch (error) {
      if (isLostConnection(error)) {
        await delay(retryMs, undefined, { signal: giveUp }).catch(() => undefined);
      } else if (verdict.verdict === 'outcome') {
        verdict = judge(held, error, log);
      } else {
        // The lease runs out and the task is taken again; nothing is half done.
        log.error(
          { err: error, taskId: held.task.id },
          'The end of a task could not be written; it will be run again.',
        );
        return;
      }
    }
  }
}

/** False if the lease is not held. */
async function write<Tx>(
  options: SettleOptions<Tx>,
  held: Held<Tx>,
  said: Said,
  verdict: Verdict<Tx>,
): Promise<boolean> {
  const { pool, finisher } = options;
  const { id, leaseToken } = held.task;
  switch (verdict.verdict) {
    case 'nothing':
      return false;
    case 'handBack': {
      const values = [id, leaseToken, statesOf('handBack'), verdict.inMs];
      return (await pool.query({ ...handBackSql, values })).rows.length > 0;
    }
    case 'fail':
      return end(options, held, said, { state: 'FAILED', failure: verdict.failure });
    case 'stop':
      return end(options, held, said, { state: 'CANCELLED', failure: undefined });
    case 'outcome':
      break;
  }
  const { outcome } = verdict;
  if (outcome.outcome === 'wait') {
    const heard = held.controller.signal.reason instanceof TaskCancelled;
    const states = statesOf('wait');
    const values = [id, leaseToken, outcome.until, outcome.waitingFor, states, held.task.claimedAt, heard];
    return (await pool.query({ ...waitTaskSql, values })).rows.length > 0;
  }
  const { result, completeReason, commit } = outcome;
  const ending = { id, leaseToken, ...said, result, completeReason, percent: 100 };
  if (!commit) return finisher.succeed(ending);
  return options.transactions.run(async (tx) => {
    const values = [toJson([ending]), statesOf('succeed')];
    const rows = await options.transactions.sql(tx).query(endTasksSql.text, values);
    if (rows.length === 0) return false;
    await commit(tx);
    return true;
  });
}

/** Writes FAILED or CANCELLED together with what the job puts right in the domain. */
async function end<Tx>(
  options: SettleOptions<Tx>,
  held: Held<Tx>,
  said: Said,
  to: { state: 'FAILED' | 'CANCELLED'; failure: TaskFailure | undefined },
): Promise<boolean> {
  const { transactions } = options;
  const { id, leaseToken, input } = held.task;
  const ending = { id, leaseToken, ...said, error: to.failure };
  const states = statesOf(to.state === 'FAILED' ? 'fail' : 'stop');
  return transactions.run(async (tx) => {
    const rows = await transactions.sql(tx).query(endTasksSql.text, [toJson([ending]), states]);
    if (rows.length === 0) return false;
    await held.job.onUnfinished(tx, { id, ...to, wasStarted: true }, input);
    return true;
  });
}
