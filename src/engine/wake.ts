import type pg from 'pg';
import type { Logger } from 'pino';
import { announceQueuedSql } from './sql/announce-queued.ts';

const intervalMs = 250;
/** A transaction that has not committed by then was rolled back; if not, workers find its task by themselves. */
const forgetAfterMs = 30_000;

/**
 * Wakes workers for new tasks a few times a second at most. A NOTIFY in every transaction would let the server commit only
 * about 4,500 of them a second, one after the other. So only the first transaction in a while carries one, for tasks are
 * mostly alone and should start at once; those after it are announced together, once they are seen to be committed.
 */
export interface Waker {
  /** Whether the transaction at hand is to carry the NOTIFY itself. */
  takeTurn(): boolean;
  /** Announces the task once its transaction has committed. */
  announce(taskId: string): void;
  close(): Promise<void>;
}

export function createWaker(options: { pool: pg.Pool; log: Logger }): Waker {
  const { pool, log } = options;
  const since = new Map<string, number>();
  let turnAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  let closed = false;

  const look = async () => {
    try {
      const { rows } = await pool.query<{ id: string }>({ ...announceQueuedSql, values: [[...since.keys()]] });
      for (const { id } of rows) since.delete(id);
    } catch (error) {
      log.warn({ err: error }, 'Workers could not be woken for new tasks; trying again.');
    }
    const now = performance.now();
    for (const [id, at] of since) if (now - at > forgetAfterMs) since.delete(id);
    timer = undefined;
    if (since.size > 0) arm();
  };
  const arm = () => {
    if (timer || closed) return;
    timer = setTimeout(() => {
      looking = look();
    }, intervalMs);
  };

  return {
    takeTurn() {
      const now = performance.now();
      if (now - turnAt < intervalMs) return false;
      turnAt = now;
      return true;
    },
    announce(taskId) {
      since.set(taskId, performance.now());
      arm();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
      if (since.size > 0) await look();
    },
  };
}
