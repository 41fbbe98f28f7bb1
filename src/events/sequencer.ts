import type pg from 'pg';
import type { Logger } from 'pino';
import { hasUnsequencedSql } from './sql/has-unsequenced.ts';
import { sequenceBatch, sequenceSql } from './sql/sequence.ts';
import { throttle } from './throttle.ts';

// Each run costs a commit. At full load one every 20 ms puts dozens of events into each.
const intervalMs = 20;

/** Gives committed events their positions. Every process has one; an advisory lock lets one at a time work. */
export interface Sequencer {
  /** There may be events without a position: looks soon, together with what else asks. */
  request(): void;
  /** Looks now; resolves when every event that was committed before the call has its position. */
  now(): Promise<void>;
  close(): Promise<void>;
}

/** `onPositions` is called with the last position given out by this process. */
export function createSequencer(options: {
  pool: pg.Pool;
  log: Logger;
  onPositions: (lastPosition: bigint) => void;
}): Sequencer {
  const { pool, log, onPositions } = options;

  const sequence = async () => {
    for (;;) {
      const { rows } = await pool.query<{ hasUnsequenced: boolean }>(hasUnsequencedSql);
      if (!rows[0]?.hasUnsequenced) return;
      const { count, lastPosition } = await sequenceOnce(pool);
      if (lastPosition !== null) onPositions(BigInt(lastPosition));
      if (count < sequenceBatch) return;
    }
  };
  const throttled = throttle({
    intervalMs,
    action: sequence,
    onError: (error) => log.warn({ err: error }, 'Events could not be put in order; trying again within seconds.'),
  });
  return { request: () => throttled.request(), now: sequence, close: () => throttled.close() };
}

interface Sequenced {
  count: number;
  lastPosition: string | null;
}

/** Statements sent together answer with a list of results, which pg's types do not say. */
async function sequenceOnce(pool: pg.Pool): Promise<Sequenced> {
  const results: pg.QueryResult<Sequenced> | pg.QueryResult<Sequenced>[] = await pool.query<Sequenced>(sequenceSql);
  const row = (Array.isArray(results) ? results.at(-1) : results)?.rows[0];
  if (!row) throw new Error('The statement that puts events in order answered nothing.');
  return row;
}
