import { saidColumns, setSaid } from './said.ts';

/**
 * Ends the tasks of the list $1 (id, leaseToken, what they leave behind) by the transition $2, each only while its lease is held;
 * returns those that were. Fields of progress that the list leaves out keep their value.
 * The array makes the planner look the few rows up by their ids; for the list alone it expects a hundred and reads the table.
 */
export const endTasksSql = {
  name: 'engine-end-tasks',
  text: `
WITH ending AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS ending (
    "id" uuid, "leaseToken" bigint, "result" jsonb, "error" jsonb, "completeReason" text, ${saidColumns}
  )
), ended AS (
  UPDATE "Task" AS task SET
    "state" = $2::jsonb ->> task."state",
    "result" = nullif(ending."result", 'null'),
    "error" = nullif(ending."error", 'null'),
    "completeReason" = ending."completeReason",
    ${setSaid('ending')},
    "waitingFor" = NULL,
    "leaseExpiresAt" = NULL,
    "finishedAt" = clock_timestamp(),
    "updatedAt" = clock_timestamp()
  FROM ending
  WHERE task."id" = ANY(ARRAY(SELECT "id" FROM ending)) AND task."id" = ending."id" AND task."leaseToken" = ending."leaseToken" AND $2::jsonb ? task."state"
    AND task."leaseExpiresAt" > clock_timestamp()
  RETURNING task."id", to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload") SELECT 'task', 'STATE_CHANGED', "id", snapshot FROM ended
)
SELECT "id" FROM ended`,
};
