import { recordEventSql } from './sql/record-event.ts';

/** Runs SQL with positional parameters ($1, $2, …) on one connection or inside one transaction. */
export interface Sql {
  query<Row>(text: string, values: readonly unknown[]): Promise<Row[]>;
}

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
