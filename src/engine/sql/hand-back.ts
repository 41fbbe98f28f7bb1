/**
 * Gives up the lease $2 on task $1 by the transition $3, so that anybody may take it in $4 milliseconds. The attempt is not
 * counted: an unfinished cancel was not counted either, because a task without a lease is claimed without counting.
 */
export const handBackSql = {
  name: 'engine-hand-back',
  text: `
WITH held AS (
  SELECT "id", "state" FROM "Task"
  WHERE "id" = $1::uuid AND "leaseToken" = $2::bigint AND $3::jsonb ? "state" AND "leaseExpiresAt" > clock_timestamp()
  FOR UPDATE
), released AS (
  UPDATE "Task" AS task SET
    "state" = $3::jsonb ->> task."state",
    "attempts" = CASE WHEN $3::jsonb ->> task."state" = 'QUEUED' THEN greatest(task."attempts" - 1, 0) ELSE task."attempts" END,
    "leaseExpiresAt" = NULL,
    "workerId" = NULL,
    "waitingFor" = NULL,
    "dueAt" = date_trunc('milliseconds', now()) + make_interval(secs => $4::float8 / 1000),
    "updatedAt" = now()
  FROM held WHERE task."id" = held."id"
  RETURNING task."id", held."state" <> task."state" AS changed, to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload")
  SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM released WHERE changed
)
SELECT "id", pg_notify('drgraph_task', '') FROM released`,
};
