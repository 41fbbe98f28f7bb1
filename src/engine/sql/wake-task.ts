/**
 * Makes task $1 due now if it waits. If it is running, the moved "dueAt" keeps it from waiting: see the claim and the wait.
 */
export const wakeTaskSql = {
  name: 'engine-wake-task',
  text: `
UPDATE "Task" SET
  "dueAt" = date_trunc('milliseconds', CASE
    WHEN "leaseExpiresAt" IS NULL THEN now() ELSE greatest(clock_timestamp(), "dueAt" + interval '1 millisecond') END)
WHERE "id" = $1::uuid AND "state" IN ('RUNNING', 'CANCELLING')
RETURNING "id", pg_notify('drgraph_task', '')`,
};
