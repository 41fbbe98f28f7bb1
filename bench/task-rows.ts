import type pg from 'pg';

/** How many tasks the table gets. */
export const taskCount = 1_000_000;

/**
 * Fills an empty database as two years of work would: 200 tenants, 50 sites, 10,000 replications, a million tasks. Most
 * succeeded, 3 % failed, 2 % were cancelled, 200 go on; the newest tenants and replications have no more than the oldest.
 */
export async function seedTasks(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM "Task"');
  if (rows[0]?.count === taskCount) return;
  for (const statement of statements) await pool.query(statement);
}

const uuid = (kind: number, n: string) => `('0000000${kind}-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;

const statements = [
  `INSERT INTO "Provider" ("id", "kind", "name", "status") VALUES (${uuid(1, '0')}, 'LOCAL', 'bench', 'CONNECTED')`,
  `INSERT INTO "Organization" ("id", "providerId", "name")
   SELECT ${uuid(2, 'n')}, ${uuid(1, '0')}, 'tenant-' || n FROM generate_series(0, 199) AS n`,
  `INSERT INTO "Site" ("id", "providerId", "name", "type")
   SELECT ${uuid(3, 'n')}, ${uuid(1, '0')}, 'site-' || n, 'ON_PREMISES' FROM generate_series(0, 49) AS n`,
  `INSERT INTO "VirtualMachine" ("id", "providerId", "siteId", "organizationId", "nativeId", "name", "powerState")
   SELECT ${uuid(4, 'n')}, ${uuid(1, '0')}, ${uuid(3, 'n % 50')}, ${uuid(2, 'n % 200')}, 'vm-' || n, 'machine-' || n, 'POWERED_ON'
   FROM generate_series(0, 9999) AS n`,
  `INSERT INTO "Replication" ("id", "providerId", "virtualMachineId", "vmName", "organizationId", "sourceSiteId",
     "destinationSiteId", "rpoMinutes", "dataConnectionType", "sourceState", "destinationState", "recoveryState",
     "dataConnectionState", "overallHealth")
   SELECT ${uuid(5, 'n')}, ${uuid(1, '0')}, ${uuid(4, 'n')}, 'machine-' || n, ${uuid(2, 'n % 200')}, ${uuid(3, 'n % 50')},
     ${uuid(3, '(n + 1) % 50')}, 60, 'ENCRYPTED', 'IDLE', 'READY', 'NOT_STARTED', 'OK', 'GREEN'
   FROM generate_series(0, 9999) AS n`,
  // A task a minute; the newest are minutes old. Numbers that share no factor spread over tenants, kinds and states.
  `INSERT INTO "Task" ("id", "kind", "state", "createdAt", "startedAt", "finishedAt", "updatedAt", "progress", "error", "warnings",
     "providerId", "siteId", "organizationId", "replicationId", "virtualMachineId", "resourceType", "resourceId", "resourceName",
     "relatedResources", "operationId", "nativeId", "nativeType", "initiatedBy", "dueAt")
   SELECT gen_random_uuid(), kind, state, made, CASE WHEN state <> 'QUEUED' THEN made + interval '1 second' END,
     CASE WHEN state IN ('SUCCEEDED', 'FAILED', 'CANCELLED') THEN made + interval '1 second' * (2 + n % 600) END,
     made + interval '1 second' * (2 + n % 600), CASE state WHEN 'SUCCEEDED' THEN 100 WHEN 'QUEUED' THEN NULL ELSE n % 100 END,
     CASE state WHEN 'FAILED' THEN jsonb_build_object('code', 'PROVIDER', 'message',
       (ARRAY['The connection was refused.', 'The disk is full.', 'The machine is gone.'])[1 + n % 3] || ' See ' || n) END,
     CASE WHEN n % 50 = 7 THEN '[{"code": "SLOW", "message": "The site answers slowly."}]'::jsonb ELSE '[]' END,
     ${uuid(1, '0')}, ${uuid(3, '(r + 1) % 50')}, ${uuid(2, 'r % 200')}, ${uuid(5, 'r')}, ${uuid(4, 'r')}, 'Replication', ${uuid(5, 'r')},
     'machine-' || r, jsonb_build_array(
       jsonb_build_object('type', 'VirtualMachine', 'id', ${uuid(4, 'r')}),
       jsonb_build_object('type', 'Site', 'id', ${uuid(3, 'r % 50')}),
       jsonb_build_object('type', 'Site', 'id', ${uuid(3, '(r + 1) % 50')})),
     'operation-' || n, 'native-' || n, 'vmReplication.sync', CASE WHEN n % 3 = 0 THEN 'user-' || (n % 2000) END, made
   FROM (
     SELECT n, (n::bigint * 7919) % 10000 AS r, now() - interval '1 minute' * (${taskCount} - n) AS made,
       CASE WHEN n % 20 < 17 THEN 'SYNC_REPLICATION'
         ELSE (ARRAY['TEST_FAILOVER', 'CLEAN_UP_TEST_FAILOVER', 'SYNC_INVENTORY'])[n % 20 - 16] END AS kind,
       CASE WHEN n > ${taskCount} - 100 THEN 'QUEUED' WHEN n > ${taskCount} - 200 THEN 'RUNNING'
         WHEN n % 97 < 3 THEN 'FAILED' WHEN n % 97 < 5 THEN 'CANCELLED' ELSE 'SUCCEEDED' END AS state
     FROM generate_series(1, ${taskCount}) AS n
   ) AS tasks`,
  'VACUUM ANALYZE "Task"',
  'ANALYZE',
];
