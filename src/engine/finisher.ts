import type pg from 'pg';
import { toJson } from './json.ts';
import { isLostConnection, onDatabase } from './lost-connection.ts';
import { endTasksSql } from './sql/end-tasks.ts';
import { statesOf } from './transition.ts';

/** What a task leaves behind: columns of the statement `end-tasks`. */
export interface Ending {
  id: string;
  leaseToken: string;
  result?: unknown;
  error?: unknown;
  completeReason?: string;
  percent?: number;
}

/** Writes the success of tasks that have nothing to commit with it, those that end meanwhile together in the next statement. */
export interface Finisher {
  /** False if the lease was not held any more: nothing was written. */
  succeed(ending: Ending): Promise<boolean>;
}

interface Waiting {
  ending: Ending;
  answer: PromiseWithResolvers<boolean>;
}

/** `onWritten` is called after each commit. */
export function createFinisher(options: { pool: pg.Pool; onWritten: () => void }): Finisher {
  const { pool, onWritten } = options;
  let waiting: Waiting[] = [];
  let isWriting = false;

  const write = async (batch: Waiting[]) => {
    const list = toJson(batch.map(({ ending }) => ending));
    const { rows } = await onDatabase(() =>
      pool.query<{ id: string }>({ ...endTasksSql, values: [list, statesOf('succeed')] }),
    );
    onWritten();
    const written = new Set(rows.map(({ id }) => id));
    for (const { ending, answer } of batch) answer.resolve(written.has(ending.id));
  };
  const writeAll = async (batch: Waiting[]) => {
    try {
      await write(batch);
    } catch (error) {
      // A result that the database refuses must not take the others with it.
      if (batch.length > 1 && !isLostConnection(error)) for (const one of batch) await writeAll([one]);
      else for (const { answer } of batch) answer.reject(error);
    }
  };
  const run = async () => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await writeAll(batch);
    }
    isWriting = false;
  };

  return {
    succeed(ending) {
      const answer = Promise.withResolvers<boolean>();
      waiting.push({ ending, answer });
      // Not at once: what else ends in this turn of the event loop goes along.
      if (!isWriting) {
        isWriting = true;
        setImmediate(() => void run());
      }
      return answer.promise;
    },
  };
}
