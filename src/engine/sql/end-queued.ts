/**
 * Ends task $1, which nobody runs, by the transition $2 with the error $3 (null: none) and the name $4 of who asked (null: the
 * engine). With $5, only if it never started and its start window has closed.
 */
export const endQueuedSql = `
WITH ended AS (
  UPDATE "Task" AS task SET
    "state" = $2::jsonb ->> task."state",
    "error" = nullif($3::jsonb, 'null'),
    "cancelRequestedAt" = CASE WHEN $4::text IS NULL THEN task."cancelRequestedAt" ELSE now() END,
    "cancelRequestedBy" = coalesce($4::text, task."cancelRequestedBy"),
    "finishedAt" = clock_timestamp(),
    "updatedAt" = clock_timestamp()
  WHERE task."id" = $1::uuid AND $2::jsonb ? task."state"
    AND (NOT $5::boolean OR (task."startBefore" <= now() AND task."startedAt" IS NULL))
  RETURNING task."id", task."state", task."startedAt" IS NOT NULL AS "wasStarted",
    to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload") SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM ended
)
SELECT "id", "wasStarted" FROM ended`;
