import { turnSql } from './turn.ts';

/**
 * Takes up to `limit` tasks of the kinds $1 for worker $2, with a lease of $3 milliseconds: queued and due, left by a dead worker,
 * or waited long enough; in the order of their turns, which priority and age make. Rows that somebody else is looking at are passed over.
 *
 * The lease token grows with every claim. An attempt is counted unless the task only waited; one that has used up its attempts
 * comes back as exhausted, to be ended. "dueAt" becomes the time of the claim: if it has moved when the job wants to wait,
 * somebody called for the task meanwhile.
 *
 * Each of the three has its own index. "dueAt" of the queued is compared in a way that keeps its index out: without statistics the
 * planner would read all that is due by it and sort (2.5 ms for 3,000 tasks instead of 0.2 ms). The limit is part of the text:
 * with a parameter each execution is planned anew (0.8 ms of the server's time for an empty queue instead of 0.1 ms).
 */
export function claimSql(limit: number): { name: string; text: string } {
  return { name: `engine-claim-${limit}`, text: textFor(limit) };
}

const textFor = (limit: number) => `
WITH queued AS (
  SELECT "id", ${turnSql} AS "turn", "state", "attempts" >= "maxAttempts" AS exhausted, true AS counts FROM "Task"
  WHERE "state" = 'QUEUED' AND "dueAt" - now() <= interval '0' AND "kind" = ANY($1::text[])
    AND ("startBefore" IS NULL OR "startBefore" > now() OR "startedAt" IS NOT NULL)
  ORDER BY "turn", "id" LIMIT ${limit} FOR UPDATE SKIP LOCKED
), abandoned AS (
  SELECT "id", ${turnSql} AS "turn", "state", "attempts" >= "maxAttempts" AS exhausted, true AS counts FROM "Task"
  WHERE "leaseExpiresAt" <= now() AND "state" IN ('RUNNING', 'CANCELLING') AND "kind" = ANY($1::text[])
  ORDER BY "turn", "id" LIMIT ${limit} FOR UPDATE SKIP LOCKED
), waited AS (
  SELECT "id", ${turnSql} AS "turn", "state", false AS exhausted, false AS counts FROM "Task"
  WHERE "leaseExpiresAt" IS NULL AND "dueAt" <= now() AND "state" IN ('RUNNING', 'CANCELLING') AND "kind" = ANY($1::text[])
  ORDER BY "turn", "id" LIMIT ${limit} FOR UPDATE SKIP LOCKED
), chosen AS (
  SELECT * FROM (SELECT * FROM queued UNION ALL SELECT * FROM abandoned UNION ALL SELECT * FROM waited) AS due
  ORDER BY "turn", "id" LIMIT ${limit}
), claimed AS (
  UPDATE "Task" AS task SET
    "state" = CASE task."state" WHEN 'CANCELLING' THEN 'CANCELLING' ELSE 'RUNNING' END,
    "leaseToken" = task."leaseToken" + 1,
    "leaseExpiresAt" = clock_timestamp() + make_interval(secs => $3::float8 / 1000),
    "workerId" = $2::text,
    "attempts" = task."attempts" + CASE WHEN chosen.counts AND NOT chosen.exhausted THEN 1 ELSE 0 END,
    "dueAt" = date_trunc('milliseconds', now()),
    "startedAt" = coalesce(task."startedAt", now()),
    "updatedAt" = now()
  FROM chosen
  WHERE task."id" = chosen."id"
  RETURNING task."id", task."kind", task."input", task."checkpoint", task."attempts", chosen."turn",
    task."leaseToken"::text AS "leaseToken", task."state" = 'CANCELLING' AS "isCancelled",
    (extract(epoch FROM task."dueAt") * 1000)::bigint::text AS "claimedAt",
    chosen."state" AS was, to_jsonb(task) - 'input' - 'checkpoint' AS snapshot,
    chosen.exhausted AS "isExhausted"
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload")
  SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM claimed WHERE was = 'QUEUED' ORDER BY "turn", "id"
)
SELECT "id", "kind", "input", "checkpoint", "attempts", "leaseToken", "isCancelled", "claimedAt", "isExhausted"
FROM claimed ORDER BY "turn", "id"`;
