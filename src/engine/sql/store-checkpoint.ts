/**
 * Stores the checkpoint $3 of task $1 while the lease $2 is held, renews the lease for $4 milliseconds and keeps the row locked
 * until the caller's transaction ends: nobody can take the task before what else the transaction writes is committed. A
 * worker that stops in the middle is cut off by the server before its lease would have ended.
 */
export const storeCheckpointSql = `
UPDATE "Task" SET
  "checkpoint" = $3::jsonb,
  "leaseExpiresAt" = clock_timestamp() + make_interval(secs => $4::float8 / 1000),
  "updatedAt" = now()
WHERE "id" = $1::uuid AND "leaseToken" = $2::bigint AND "state" IN ('RUNNING', 'CANCELLING')
  AND "leaseExpiresAt" > clock_timestamp()
RETURNING set_config('idle_in_transaction_session_timeout', round($4::float8 * 0.75)::text, true) AS "idleLimitMs"`;
