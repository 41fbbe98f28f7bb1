/**
 * Takes up to $1 tasks of the kinds $2 for worker $3, with a lease of $4 milliseconds: queued and due, left by a dead worker,
 * or waited long enough; highest priority first, then oldest. Rows that somebody else is looking at are passed over.
 *
 * Each of the three has its own index, so none of them reads what is not due. The lease token grows with every claim. An
 * attempt is counted unless the task only waited; one that has used up its attempts comes back as exhausted, to be ended.
 * "dueAt" becomes the time of the claim: if it has moved when the job wants to wait, somebody called for the task meanwhile.
 */
export const claimSql = {
  name: 'engine-claim',
  text: `
WITH queued AS (
  SELECT "id", "priority", "createdAt", "state", "attempts" >= "maxAttempts" AS exhausted, true AS counts FROM "Task"
  WHERE "state" = 'QUEUED' AND "dueAt" <= now() AND "kind" = ANY($2::text[])
    AND ("startBefore" IS NULL OR "startBefore" > now() OR "startedAt" IS NOT NULL)
  ORDER BY "priority" DESC, "createdAt", "id" LIMIT $1::int FOR UPDATE SKIP LOCKED
), abandoned AS (
  SELECT "id", "priority", "createdAt", "state", "attempts" >= "maxAttempts" AS exhausted, true AS counts FROM "Task"
  WHERE "leaseExpiresAt" <= now() AND "state" IN ('RUNNING', 'CANCELLING') AND "kind" = ANY($2::text[])
  ORDER BY "priority" DESC, "createdAt", "id" LIMIT $1::int FOR UPDATE SKIP LOCKED
), waited AS (
  SELECT "id", "priority", "createdAt", "state", false AS exhausted, false AS counts FROM "Task"
  WHERE "leaseExpiresAt" IS NULL AND "dueAt" <= now() AND "state" IN ('RUNNING', 'CANCELLING') AND "kind" = ANY($2::text[])
  ORDER BY "priority" DESC, "createdAt", "id" LIMIT $1::int FOR UPDATE SKIP LOCKED
), chosen AS (
  SELECT * FROM (SELECT * FROM queued UNION ALL SELECT * FROM abandoned UNION ALL SELECT * FROM waited) AS due
  ORDER BY "priority" DESC, "createdAt", "id" LIMIT $1::int
), claimed AS (
  UPDATE "Task" AS task SET
    "state" = CASE task."state" WHEN 'CANCELLING' THEN 'CANCELLING' ELSE 'RUNNING' END,
    "leaseToken" = task."leaseToken" + 1,
    "leaseExpiresAt" = clock_timestamp() + make_interval(secs => $4::float8 / 1000),
    "workerId" = $3::text,
    "attempts" = task."attempts" + CASE WHEN chosen.counts AND NOT chosen.exhausted THEN 1 ELSE 0 END,
    "dueAt" = date_trunc('milliseconds', now()),
    "startedAt" = coalesce(task."startedAt", now()),
    "updatedAt" = now()
  FROM chosen
  WHERE task."id" = chosen."id"
  RETURNING task."id", task."kind", task."input", task."checkpoint", task."attempts", task."priority", task."createdAt",
    task."leaseToken"::text AS "leaseToken", task."state" = 'CANCELLING' AS "isCancelled",
    (extract(epoch FROM task."dueAt") * 1000)::bigint::text AS "claimedAt",
    chosen."state" AS was, to_jsonb(task) - 'input' - 'checkpoint' AS snapshot,
    chosen.exhausted AS "isExhausted"
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload")
  SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM claimed WHERE was = 'QUEUED' ORDER BY "priority" DESC, "createdAt", "id"
)
SELECT "id", "kind", "input", "checkpoint", "attempts", "leaseToken", "isCancelled", "claimedAt", "isExhausted"
FROM claimed ORDER BY "priority" DESC, "createdAt", "id"`,
};
