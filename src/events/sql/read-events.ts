/**
 * A page of events behind position $1 up to position $2 (null: all there are) of stream $3 (null: all streams) and subject
 * $4 (null: all subjects), at most $5, in order; with the log's bounds of the same instant, so there is always a row.
 */
export const readEventsSql = {
  name: 'events-read',
  text: `
SELECT log."lastPosition"::text AS "lastPosition", log."prunedPosition"::text AS "prunedPosition",
  event."position"::text AS "position", event."stream", event."type", event."subjectId", event."at", event."payload"
FROM "EventLog" AS log
LEFT JOIN LATERAL (
  SELECT "position", "stream", "type", "subjectId", "at", "payload" FROM "Event"
  WHERE "position" > $1::bigint AND ($2::bigint IS NULL OR "position" <= $2::bigint)
    AND ($3::text IS NULL OR "stream" = $3::text) AND ($4::uuid IS NULL OR "subjectId" = $4::uuid)
  ORDER BY "position" LIMIT $5::int
) AS event ON true
WHERE log."id" = 1
ORDER BY event."position"`,
};
