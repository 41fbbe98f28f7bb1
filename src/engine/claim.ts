import type pg from 'pg';
import { claimSql } from './sql/claim.ts';
import { nextDueSql } from './sql/next-due.ts';

/** A task that this worker has just taken. */
export interface ClaimedTask {
  id: string;
  kind: string;
  input: unknown;
  checkpoint: unknown;
  attempts: number;
  leaseToken: string;
  /** Its cancel was asked for before: it runs only to stop. */
  isCancelled: boolean;
  /** As many workers died of it as may: it is not run again. */
  isExhausted: boolean;
  /** The database's time of the claim, in milliseconds since 1970. */
  claimedAt: string;
}

/** The most that `claimTasks` takes in one go of a limit: powers of two, so that few different statements are planned and kept. */
export function claimable(limit: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(limit, 64)));
}

/** Takes up to `limit` tasks, the most urgent first. */
export async function claimTasks(
  pool: pg.Pool,
  claim: { limit: number; kinds: readonly string[]; workerId: string; leaseMs: number },
): Promise<ClaimedTask[]> {
  const values = [claim.kinds, claim.workerId, claim.leaseMs];
  const { rows } = await pool.query<ClaimedTask>({ ...claimSql(claim.limit), values });
  return rows;
}

/** Milliseconds until there is something to do that nobody tells of; undefined if there is nothing of the kind. */
export async function nextDueInMs(pool: pg.Pool, kinds: readonly string[]): Promise<number | undefined> {
  const { rows } = await pool.query<{ inMs: number | null }>({ ...nextDueSql, values: [kinds] });
  return rows[0]?.inMs ?? undefined;
}
