/**
 * The task that kept another from being inserted: the one of client scope $1 and token $2, else the active one of entity
 * key $3. The states are those of the index Task_entityKey_active_key.
 */
export const findInTheWaySql = `
SELECT * FROM (
  SELECT 'repeated' AS outcome, "id", "kind", "input" FROM "Task"
  WHERE "clientScope" = $1::text AND "clientToken" = $2::text
  UNION ALL
  SELECT 'conflict', "id", "kind", NULL FROM "Task"
  WHERE "entityKey" = $3::text AND "state" IN ('QUEUED', 'RUNNING', 'WAITING_FOR_INPUT', 'PAUSED', 'CANCELLING')
) AS found
ORDER BY outcome = 'repeated' DESC LIMIT 1`;
