/** Whether the lease $2 on task $1 is held, and whether its cancel was asked for. No row: it is not held. */
export const checkLeaseSql = {
  name: 'engine-check-lease',
  text: `
SELECT "state" = 'CANCELLING' AS "isCancelled" FROM "Task"
WHERE "id" = $1::uuid AND "leaseToken" = $2::bigint AND "state" IN ('RUNNING', 'CANCELLING')
  AND "leaseExpiresAt" > clock_timestamp()`,
};
