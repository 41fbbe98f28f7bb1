import { saidColumns, setSaid } from './said.ts';

/**
 * Writes what the jobs of the list $1 (id, leaseToken, new values) said last, each only while its lease is held; returns those that
 * were written. Fields left out keep their value. A row locked by a step of the same job is passed over until the next time.
 */
export const flushProgressSql = {
  name: 'engine-flush-progress',
  text: `
WITH said AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS said (
    "id" uuid, "leaseToken" bigint, ${saidColumns}
  )
), held AS (
  SELECT task."id" FROM "Task" AS task JOIN said ON said."id" = task."id" AND said."leaseToken" = task."leaseToken"
  WHERE task."id" = ANY(ARRAY(SELECT "id" FROM said)) AND task."state" IN ('RUNNING', 'CANCELLING') AND task."leaseExpiresAt" > clock_timestamp()
  FOR UPDATE OF task SKIP LOCKED
)
UPDATE "Task" AS task SET
  ${setSaid('said')},
  "updatedAt" = now()
FROM said, held
WHERE task."id" = ANY(ARRAY(SELECT "id" FROM held)) AND task."id" = held."id" AND said."id" = held."id"
RETURNING task."id"`,
};
