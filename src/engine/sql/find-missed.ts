/** Up to $2 queued tasks of the kinds $1 that never started and whose start window has closed. */
export const findMissedSql = {
  name: 'engine-find-missed',
  text: `
SELECT "id", "kind", "input", "startBefore" FROM "Task"
WHERE "state" = 'QUEUED' AND "startBefore" <= now() AND "startedAt" IS NULL AND "kind" = ANY($1::text[])
ORDER BY "startBefore" LIMIT $2::int`,
};
