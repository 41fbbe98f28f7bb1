import type pg from 'pg';
import type { RecordedEvent } from './event.ts';
import { readEventsSql } from './sql/read-events.ts';

interface Row {
  lastPosition: string;
  prunedPosition: string;
  position: string | null;
  stream: string;
  type: string;
  subjectId: string;
  at: Date;
  payload: unknown;
}

/** Some events in order, and the log's bounds at that instant. */
export interface Page {
  events: RecordedEvent[];
  lastPosition: bigint;
  prunedPosition: bigint;
}

/** Reads the events behind `after`, at most `limit`, up to `upTo` if it is given. */
export async function readPage(
  pool: pg.Pool,
  range: { after: bigint; upTo?: bigint; stream?: string; subjectId?: string; limit: number },
): Promise<Page> {
  const values = [range.after, range.upTo ?? null, range.stream ?? null, range.subjectId ?? null, range.limit];
  const { rows } = await pool.query<Row>({ ...readEventsSql, values });
  const [first] = rows;
  if (!first) throw new Error('The table "EventLog" has lost its row; restore the database from a backup.');
  const events: RecordedEvent[] = [];
  for (const { position, stream, type, subjectId, at, payload } of rows) {
    if (position !== null)
      events.push({ kind: 'event', position: BigInt(position), stream, type, subjectId, at, payload });
  }
  return { events, lastPosition: BigInt(first.lastPosition), prunedPosition: BigInt(first.prunedPosition) };
}
