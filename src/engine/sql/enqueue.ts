/**
 * Inserts the task $1, a JSON object of its columns, unless one of its keys is taken; then no row comes back. A concurrent
 * insert of the same key that is not committed yet is waited for. It wakes workers and sequencers at the commit if $2 says so.
 */
export const enqueueSql = `
WITH inserted AS (
  INSERT INTO "Task" AS task (
    "kind", "state", "input", "entityKey", "clientScope", "clientToken", "priority", "notBefore", "startBefore", "dueAt",
    "isCancellable", "maxAttempts", "providerId", "siteId", "organizationId", "replicationId", "virtualMachineId",
    "resourceType", "resourceId", "resourceName", "relatedResources", "nativeId", "nativeType", "nativeState", "operationId",
    "initiatedById", "initiatedBy", "parentId", "retryOfId"
  )
  SELECT
    new."kind", 'QUEUED', new."input", new."entityKey", new."clientScope", new."clientToken", coalesce(new."priority", 50),
    new."notBefore", new."startBefore", date_trunc('milliseconds', greatest(now(), new."notBefore")),
    new."isCancellable", new."maxAttempts", new."providerId", new."siteId", new."organizationId", new."replicationId",
    new."virtualMachineId", new."resourceType", new."resourceId", new."resourceName", coalesce(new."relatedResources", '[]'),
    new."nativeId", new."nativeType", new."nativeState", new."operationId", new."initiatedById", new."initiatedBy", new."parentId",
    new."retryOfId"
  FROM jsonb_populate_record(NULL::"Task", $1::jsonb) AS new
  ON CONFLICT DO NOTHING
  RETURNING task."id", to_jsonb(task) - 'input' - 'checkpoint' AS snapshot
), recorded AS (
  INSERT INTO "Event" ("stream", "type", "subjectId", "payload") SELECT 'task', 'CREATED', "id", snapshot FROM inserted
)
SELECT "id", CASE WHEN $2::boolean THEN pg_notify('drgraph_task', '')::text || pg_notify('drgraph_event', '')::text END
FROM inserted`;
