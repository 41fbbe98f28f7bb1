/**
 * Gives up the lease $2 on task $1 until $3, waiting for $4, by the transition $5. It is due at once when somebody called for it
 * since it was claimed at $6, or when it was cancelled and its job had not heard of that yet ($7: it had).
 */
export const waitTaskSql = {
  name: 'engine-wait-task',
  text: `
WITH held AS (
  SELECT "id", "waitingFor" FROM "Task"
  WHERE "id" = $1::uuid AND "leaseToken" = $2::bigint AND $5::jsonb ? "state" AND "leaseExpiresAt" > clock_timestamp()
  FOR UPDATE
), waiting AS (
  UPDATE "Task" AS task SET
    "state" = $5::jsonb ->> task."state",
    "leaseExpiresAt" = NULL,
    "dueAt" = CASE
      WHEN (extract(epoch FROM task."dueAt") * 1000)::bigint <> $6::bigint THEN date_trunc('milliseconds', now())
      WHEN task."state" = 'CANCELLING' AND NOT $7::boolean THEN date_trunc('milliseconds', now())
      ELSE $3::timestamptz END,
    "waitingFor" = $4::text,
    "updatedAt" = now()
  FROM held WHERE task."id" = held."id"
  RETURNING task."id", held."waitingFor" IS DISTINCT FROM task."waitingFor" AS changed,
    to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload")
  SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM waiting WHERE changed
)
SELECT "id", pg_notify('drgraph_task', '') FROM waiting`,
};
