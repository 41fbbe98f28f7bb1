/**
 * Gives task $1 the priority, the start and the end of its window in the JSON object $2, as far as it has them, by the transition $3.
 * Only while it is queued; the event says what it is like now. Wakes the workers: it may be due earlier.
 */
export const updateQueuedSql = `
WITH updated AS (
  UPDATE "Task" AS task SET
    "state" = $3::jsonb ->> task."state",
    "priority" = CASE WHEN $2::jsonb ? 'priority' THEN ($2::jsonb ->> 'priority')::int ELSE task."priority" END,
    "notBefore" = CASE WHEN $2::jsonb ? 'notBefore' THEN ($2::jsonb ->> 'notBefore')::timestamptz ELSE task."notBefore" END,
    "startBefore" = CASE WHEN $2::jsonb ? 'startBefore' THEN ($2::jsonb ->> 'startBefore')::timestamptz ELSE task."startBefore" END,
    "dueAt" = CASE WHEN $2::jsonb ? 'notBefore'
      THEN date_trunc('milliseconds', greatest(now(), ($2::jsonb ->> 'notBefore')::timestamptz)) ELSE task."dueAt" END,
    "updatedAt" = now()
  WHERE task."id" = $1::uuid AND $3::jsonb ? task."state"
  RETURNING task."id", to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload") SELECT 'task', 'UPDATED', "id", snapshot FROM updated
)
SELECT "id", pg_notify('drgraph_task', '')::text || pg_notify('drgraph_event', '')::text FROM updated`;
