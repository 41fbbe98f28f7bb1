import type { Sql } from '../engine/job.ts';
import { recordEventSql } from './sql/record-event.ts';

/**
 * Writes an event in the transaction of the change that it tells of. Call `notifyEvents` of the event bus once that is
 * committed; otherwise readers get it with the next event, or within seconds.
 */
export async function recordEvent(
  sql: Sql,
  event: { stream: string; type: string; subjectId: string; payload: unknown },
): Promise<void> {
  await sql.query(recordEventSql, [event.stream, event.type, event.subjectId, JSON.stringify(event.payload)]);
}
