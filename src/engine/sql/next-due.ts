/**
 * Milliseconds until a worker of the kinds $1 has something to do if nobody wakes it: a task falls due, a lease expires, a
 * wait ends or a start window closes. Null when there is nothing of the kind.
 */
export const nextDueSql = {
  name: 'engine-next-due',
  text: `
SELECT extract(epoch FROM least(
  (SELECT min("dueAt") FROM "Task" WHERE "state" = 'QUEUED' AND "kind" = ANY($1::text[])),
  (SELECT min("leaseExpiresAt") FROM "Task" WHERE "leaseExpiresAt" IS NOT NULL AND "kind" = ANY($1::text[])),
  (SELECT min("dueAt") FROM "Task"
    WHERE "leaseExpiresAt" IS NULL AND "state" IN ('RUNNING', 'CANCELLING') AND "kind" = ANY($1::text[])),
  (SELECT min("startBefore") FROM "Task"
    WHERE "state" = 'QUEUED' AND "startBefore" IS NOT NULL AND "startedAt" IS NULL AND "kind" = ANY($1::text[]))
) - clock_timestamp())::float8 * 1000 AS "inMs"`,
};
