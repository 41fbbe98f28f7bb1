import type pg from 'pg';
import { LeaseLost, TaskCancelled } from './abort.ts';
import { type Held, isWithinLease, lose } from './held.ts';
import type { JobContext, Transactions } from './job.ts';
import { toJson } from './json.ts';
import { onDatabase } from './lost-connection.ts';
import type { ProgressFlusher } from './progress.ts';
import { checkLeaseSql } from './sql/check-lease.ts';
import { storeCheckpointSql } from './sql/store-checkpoint.ts';

/** A check that the database answered so shortly ago is as good as a new one: the lease lasts much longer. */
const checkAgainAfterMs = 1_000;

/** What one run of a job may do, fenced by the lease of its task. */
export function createContext<Tx>(
  options: {
    pool: pg.Pool;
    transactions: Transactions<Tx>;
    progress: ProgressFlusher<Tx>;
    leaseMs: number;
    stopAfterMs: number;
  },
  held: Held<Tx>,
): JobContext<unknown, Tx> {
  const { pool, transactions, progress, leaseMs, stopAfterMs } = options;
  const { task, controller } = held;
  const { signal } = controller;
  let checkedAt = held.confirmedAt;

  const check = async () => {
    signal.throwIfAborted();
    if (!isWithinLease(held, stopAfterMs)) throw lose(held);
    const now = performance.now();
    if (now - checkedAt < checkAgainAfterMs) return;
    const { rows } = await onDatabase(() =>
      pool.query<{ isCancelled: boolean }>({ ...checkLeaseSql, values: [task.id, task.leaseToken] }),
    );
    const [row] = rows;
    if (!row) throw lose(held);
    if (row.isCancelled) controller.abort(new TaskCancelled());
    signal.throwIfAborted();
    checkedAt = now;
  };

  const step = async (checkpoint: unknown, work?: (tx: Tx) => Promise<void>) => {
    if (signal.reason instanceof LeaseLost) throw signal.reason;
    const values = [task.id, task.leaseToken, toJson(checkpoint), leaseMs];
    const sentAt = performance.now();
    const store = async (query: (text: string, values: readonly unknown[]) => Promise<unknown[]>) => {
      const rows = await query(storeCheckpointSql, values);
      if (rows.length === 0) throw lose(held);
    };
    await onDatabase(async () => {
      if (!work) return store(async (text) => (await pool.query({ text, values })).rows);
      await transactions.run(async (tx) => {
        await store((text, parameters) => transactions.sql(tx).query<unknown>(text, parameters));
        await work(tx);
      });
    });
    held.confirmedAt = sentAt;
  };

  return {
    taskId: task.id,
    attempt: task.attempts,
    signal,
    checkpoint: task.checkpoint ?? undefined,
    check,
    step,
    report: (value) => progress.report(held, value),
    warn: (warning) => progress.warn(held, warning),
  };
}
