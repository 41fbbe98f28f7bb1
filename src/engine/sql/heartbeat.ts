/**
 * Renews the leases of the tasks $1 with the tokens $2 for $3 milliseconds, and tells about each: whether this worker still
 * holds it, whether its lease was renewed, and whether its cancel was asked for. A row that a step of this worker has locked
 * is passed over rather than waited for: one slow step must not cost the leases of all the others.
 */
export const heartbeatSql = {
  name: 'engine-heartbeat',
  text: `
WITH mine AS (
  SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS mine ("id", "leaseToken")
), held AS (
  SELECT task."id" FROM "Task" AS task JOIN mine ON mine."id" = task."id" AND mine."leaseToken" = task."leaseToken"
  WHERE task."state" IN ('RUNNING', 'CANCELLING') AND task."leaseExpiresAt" > clock_timestamp()
  FOR UPDATE OF task SKIP LOCKED
), renewed AS (
  UPDATE "Task" AS task SET "leaseExpiresAt" = clock_timestamp() + make_interval(secs => $3::float8 / 1000)
  FROM held WHERE task."id" = held."id"
  RETURNING task."id"
)
SELECT mine."id", renewed."id" IS NOT NULL AS renewed,
  coalesce(task."leaseToken" = mine."leaseToken" AND task."state" IN ('RUNNING', 'CANCELLING')
    AND task."leaseExpiresAt" > clock_timestamp(), false) AS held,
  coalesce(task."state" = 'CANCELLING', false) AS "isCancelled"
FROM mine LEFT JOIN "Task" AS task ON task."id" = mine."id" LEFT JOIN renewed ON renewed."id" = mine."id"`,
};
