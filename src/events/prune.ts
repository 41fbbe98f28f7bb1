import type pg from 'pg';
import type { Logger } from 'pino';
import { pruneBatch, pruneEventsSql } from './sql/prune-events.ts';

const everyMs = 60 * 60 * 1_000;

/** Deletes events older than the retention, now and every hour. */
export function startPruning(options: { pool: pg.Pool; log: Logger; retentionMs: number }): { close(): Promise<void> } {
  const { pool, log, retentionMs } = options;
  let closed = false;
  const prune = async () => {
    try {
      for (let count = pruneBatch; count >= pruneBatch && !closed; ) count = await pruneEvents(pool, retentionMs);
    } catch (error) {
      log.warn({ err: error }, 'Old events could not be deleted; trying again in an hour.');
    }
  };
  let pruning = prune();
  const timer = setInterval(() => {
    pruning = prune();
  }, everyMs);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await pruning;
    },
  };
}

/** Deletes one batch of events older than the retention; returns how many. */
export async function pruneEvents(pool: pg.Pool, retentionMs: number): Promise<number> {
  const { rows } = await pool.query<{ count: number }>({ ...pruneEventsSql, values: [retentionMs] });
  return rows[0]?.count ?? 0;
}
