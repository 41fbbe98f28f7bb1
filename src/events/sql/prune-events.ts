/** How many events are looked at, and at most deleted, in one go. */
export const pruneBatch = 5_000;

/**
 * Deletes the events at the start of the log that are older than $1 milliseconds, and moves the log's start behind them.
 * It stops at the first younger one, so that what is kept has no hole. Returns how many were deleted.
 */
export const pruneEventsSql = {
  name: 'events-prune',
  text: `
WITH first AS (
  SELECT "position", "at" < now() - make_interval(secs => $1::float8 / 1000) AS old FROM "Event"
  WHERE "position" IS NOT NULL ORDER BY "position" LIMIT ${pruneBatch}
), bound AS (
  SELECT coalesce(min("position") FILTER (WHERE NOT old) - 1, max("position")) AS "position" FROM first
), gone AS (
  DELETE FROM "Event" USING bound WHERE "Event"."position" <= bound."position" RETURNING 1
), log AS (
  UPDATE "EventLog" SET "prunedPosition" = greatest("prunedPosition", bound."position")
  FROM bound WHERE "id" = 1 AND EXISTS (SELECT FROM gone)
)
SELECT count(*)::int AS count FROM gone`,
};
