import { endQueued } from './end-queued.ts';
import type { Job } from './job.ts';
import type { QueueOptions } from './options.ts';
import { findMissedSql } from './sql/find-missed.ts';

const batch = 100;

interface Missed {
  id: string;
  kind: string;
  input: unknown;
  startBefore: Date;
}

/** Ends the tasks that should have started by now and did not: FAILED with START_WINDOW_MISSED. Returns how many. */
export async function endMissed<Tx>(
  options: Pick<QueueOptions<Tx>, 'pool' | 'transactions'>,
  jobs: ReadonlyMap<string, Job<Tx>>,
): Promise<number> {
  const { pool, transactions } = options;
  let count = 0;
  for (;;) {
    const { rows } = await pool.query<Missed>({ ...findMissedSql, values: [[...jobs.keys()], batch] });
    for (const { id, kind, input, startBefore } of rows) {
      const job = jobs.get(kind);
      const at = startBefore.toISOString();
      const failure = {
        code: 'START_WINDOW_MISSED',
        message: `The task could not start before ${at}. Submit it again, with a later start window or none.`,
        args: { startBefore: at },
      };
      if (job && (await endQueued(transactions, job, { id, input }, { transition: 'miss', failure }))) count++;
    }
    if (rows.length < batch) return count;
  }
}
