import type { Sql } from '../events/record.ts';
import type { Job } from './job.ts';
import { toJson } from './json.ts';
import { enqueueSql } from './sql/enqueue.ts';
import { findInTheWaySql } from './sql/find-in-the-way.ts';
import type { Enqueued, NewTask } from './task.ts';

/** The columns of the Task table that belong to the domain. */
const aboutColumns: ReadonlySet<string> = new Set([
  'providerId',
  'siteId',
  'organizationId',
  'replicationId',
  'virtualMachineId',
  'resourceType',
  'resourceId',
  'resourceName',
  'relatedResources',
  'nativeId',
  'nativeType',
  'nativeState',
  'operationId',
  'initiatedById',
  'initiatedBy',
  'parentId',
  'retryOfId',
]);

// What was in the way can end between the insert and the look at it; it does not do so again and again.
const tries = 20;

interface Found {
  outcome: 'repeated' | 'conflict';
  id: string;
  kind: string;
  input: unknown;
}

/**
 * Inserts the task in the caller's transaction, or says which one is in the way; never fails on a taken key, which would
 * abort that transaction. `notify`: wake the workers when it commits.
 */
export async function insertTask<Tx>(sql: Sql, job: Job<Tx>, task: NewTask, notify: boolean): Promise<Enqueued> {
  const row = toJson({ ...aboutOf(task), ...ownColumns(job, task) });
  for (let attempt = 0; attempt < tries; attempt++) {
    const [inserted] = await sql.query<{ id: string }>(enqueueSql, [row, notify]);
    if (inserted) return { outcome: 'created', taskId: inserted.id };
    const { client, entityKey } = task;
    const keys = [client?.scope ?? null, client?.token ?? null, entityKey ?? null];
    const [found] = await sql.query<Found>(findInTheWaySql, keys);
    if (found?.outcome === 'repeated') {
      return { outcome: 'repeated', taskId: found.id, kind: found.kind, input: found.input };
    }
    if (found) return { outcome: 'conflict', taskId: found.id, kind: found.kind };
  }
  throw new Error(
    `A task of kind ${task.kind} could not be queued: its keys were taken and freed ${tries} times. Try again.`,
  );
}

function ownColumns<Tx>(job: Job<Tx>, task: NewTask): Record<string, unknown> {
  return {
    kind: job.kind,
    input: job.parseInput(task.input),
    isCancellable: job.isCancellable,
    maxAttempts: job.maxAttempts,
    entityKey: task.entityKey,
    clientScope: task.client?.scope,
    clientToken: task.client?.token,
    priority: task.priority,
    notBefore: task.notBefore,
    startBefore: task.startBefore,
  };
}

function aboutOf(task: NewTask): Record<string, unknown> {
  const about = task.about ?? {};
  for (const column of Object.keys(about)) {
    if (!aboutColumns.has(column)) throw new Error(`A task has no column "${column}" that its submitter may fill.`);
  }
  return about;
}
