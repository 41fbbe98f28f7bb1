import type pg from 'pg';
import type { Logger } from 'pino';
import { z } from 'zod';
import { announceProgressSql } from './sql/announce-progress.ts';
import { throttle } from './throttle.ts';

const intervalMs = 250;
// A uuid with its quotes and comma takes 39 bytes of the 8,000 that a notification may have.
const idsPerNotice = 180;

/** Tells all processes whose current value moved, a few times a second. */
export interface ProgressAnnouncer {
  announce(stream: string, subjectIds: Iterable<string>): void;
  close(): Promise<void>;
}

export function createProgressAnnouncer(options: { pool: pg.Pool; log: Logger }): ProgressAnnouncer {
  const { pool, log } = options;
  const moved = new Map<string, Set<string>>();
  const throttled = throttle({
    intervalMs,
    action: async () => {
      const all = [...moved];
      moved.clear();
      for (const [stream, ids] of all) {
        const list = [...ids];
        for (let start = 0; start < list.length; start += idsPerNotice) {
          const some = JSON.stringify(list.slice(start, start + idsPerNotice));
          await pool.query({ ...announceProgressSql, values: [stream, some] });
        }
      }
    },
    onError: (error) => log.warn({ err: error }, 'Progress could not be announced; the next announcement carries on.'),
  });
  return {
    announce(stream, subjectIds) {
      const ids = moved.get(stream) ?? new Set();
      for (const id of subjectIds) ids.add(id);
      if (ids.size === 0) return;
      moved.set(stream, ids);
      throttled.request();
    },
    close: () => throttled.close(),
  };
}

const notice = z.object({ stream: z.string(), at: z.coerce.date(), ids: z.array(z.string()) });

/** Reads the payload of a notification on the channel of progress; undefined when it is not of this program's making. */
export function parseProgress(payload: string): z.infer<typeof notice> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return notice.safeParse(value).data;
}
