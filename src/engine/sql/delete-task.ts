/**
 * Deletes task $1 together with its parts, unless one of them, or the task that it is a part of, is in none of the final states $2.
 * Their events go too, and a last one says so: it keeps what tells who may know, but not what the task brought about. An event
 * that the sequencer is writing is passed over, for the two lock in different orders; nobody is shown the events of a task that is
 * gone.
 */
export const deleteTaskSql = {
  name: 'engine-delete-task',
  text: `
WITH RECURSIVE tree AS (
  SELECT "id", "parentId", "state" FROM "Task" WHERE "id" = $1::uuid
  UNION ALL
  SELECT part."id", part."parentId", part."state" FROM "Task" AS part JOIN tree ON part."parentId" = tree."id"
), active AS (
  SELECT "id" FROM tree WHERE "state" <> ALL($2::text[])
  UNION ALL
  SELECT parent."id" FROM tree JOIN "Task" AS parent ON parent."id" = tree."parentId"
  WHERE tree."id" = $1::uuid AND parent."state" <> ALL($2::text[])
), gone AS (
  DELETE FROM "Task" AS task USING tree WHERE task."id" = tree."id" AND NOT EXISTS (SELECT FROM active)
  RETURNING task."id", to_jsonb(task) - 'input' - 'checkpoint' - 'result' - 'error' - 'warnings' AS snapshot
), forgotten AS (
  DELETE FROM "Event" WHERE "id" IN (
    SELECT "id" FROM "Event" WHERE "stream" = 'task' AND "subjectId" IN (SELECT "id" FROM gone) FOR UPDATE SKIP LOCKED
  )
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload") SELECT 'task', 'DELETED', "id", snapshot FROM gone
)
SELECT tree."id", gone."id" IS NOT NULL AS "isGone" FROM tree LEFT JOIN gone ON gone."id" = tree."id"`,
};
