/**
 * Writes what the jobs of the list $1 (id, leaseToken, new values) said last, each only while its lease is held; returns those that
 * were written. Fields left out keep their value. A row locked by a step of the same job is passed over until the next time.
 */
export const flushProgressSql = {
  name: 'engine-flush-progress',
  text: `
WITH said AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS said (
    "id" uuid, "leaseToken" bigint, "warnings" jsonb, "percent" float8, "phase" text, "bytesDone" bigint,
    "bytesTotal" bigint, "objectsDone" bigint, "objectsTotal" bigint, "transferRate" float8
  )
), held AS (
  SELECT task."id" FROM "Task" AS task JOIN said ON said."id" = task."id" AND said."leaseToken" = task."leaseToken"
  WHERE task."id" = ANY(ARRAY(SELECT "id" FROM said)) AND task."state" IN ('RUNNING', 'CANCELLING') AND task."leaseExpiresAt" > clock_timestamp()
  FOR UPDATE OF task SKIP LOCKED
)
UPDATE "Task" AS task SET
  "warnings" = task."warnings" || coalesce(
    (SELECT jsonb_agg(warning) FROM jsonb_array_elements(said."warnings") AS warning
      WHERE NOT task."warnings" @> jsonb_build_array(warning)), '[]'),
  "progress" = coalesce(said."percent", task."progress"),
  "phase" = coalesce(said."phase", task."phase"),
  "bytesDone" = coalesce(said."bytesDone", task."bytesDone"),
  "bytesTotal" = coalesce(said."bytesTotal", task."bytesTotal"),
  "objectsDone" = coalesce(said."objectsDone", task."objectsDone"),
  "objectsTotal" = coalesce(said."objectsTotal", task."objectsTotal"),
  "transferRate" = coalesce(said."transferRate", task."transferRate"),
  "updatedAt" = now()
FROM said, held
WHERE task."id" = ANY(ARRAY(SELECT "id" FROM held)) AND task."id" = held."id" AND said."id" = held."id"
RETURNING task."id"`,
};
