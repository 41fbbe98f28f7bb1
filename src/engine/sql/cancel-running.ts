/**
 * Asks for task $1 to be cancelled, for $2, by the transition $3. The worker that runs it is told; one that waits becomes due, so
 * that its job can stop what it waits for.
 */
export const cancelRunningSql = {
  name: 'engine-cancel-running',
  text: `
WITH cancelled AS (
  UPDATE "Task" AS task SET
    "state" = $3::jsonb ->> task."state",
    "cancelRequestedAt" = now(),
    "cancelRequestedBy" = $2::text,
    "dueAt" = CASE WHEN task."leaseExpiresAt" IS NULL THEN date_trunc('milliseconds', now()) ELSE task."dueAt" END,
    "updatedAt" = now()
  WHERE task."id" = $1::uuid AND $3::jsonb ? task."state" AND task."isCancellable"
  RETURNING task."id", to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload") SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM cancelled
)
SELECT "id", pg_notify('drgraph_cancel', "id"::text), pg_notify('drgraph_task', '') FROM cancelled`,
};
