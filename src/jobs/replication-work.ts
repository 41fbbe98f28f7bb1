import type { Tx } from '../domain/context.ts';
import { type LoadedReplication, replicationParts } from '../domain/replication-address.ts';
import { settleReplication } from '../domain/settle-replication.ts';
import type { ReplicationProblem } from '../domain/stored.ts';
import type { TaskKind } from '../domain/vocabulary.ts';
import { type EndedTask, JobFailure } from '../engine/job.ts';
import type { JobDependencies } from './dependencies.ts';

/** Reads the replication that a task works on. */
export async function loadReplication(d: JobDependencies, replicationId: string): Promise<LoadedReplication> {
  const replication = await d.prisma.replication.findUnique({
    where: { id: replicationId },
    include: replicationParts,
  });
  if (replication && !replication.removedAt) return replication;
  throw new JobFailure({
    code: 'NOT_FOUND',
    message: 'The replication that this task works on does not exist any more.',
    args: { replicationId },
  });
}

/** Failures after which the store cannot be trusted: health is RED whatever else is true. */
const storeFailures = ['STORE_DAMAGED', 'KEY_MISMATCH'];

/** Gives a replication its resting states back after a task that did not succeed, and keeps why. */
export async function settleUnfinished(
  tx: Tx,
  replicationId: string,
  kind: TaskKind,
  task: EndedTask,
  change: {
    recoveryState?: 'NOT_STARTED' | 'TEST' | 'COMPLETE';
    problemCode?: string;
    /** The recovery point that the task read. */
    instanceKey?: string | undefined;
  } = {},
): Promise<void> {
  const { failure } = task;
  const { recoveryState } = change;
  if (task.state !== 'FAILED' || !failure) {
    await settleReplication(tx, replicationId, recoveryState ? { recoveryState } : {});
    return;
  }
  const at = new Date().toISOString();
  const { message } = failure;
  const code = storeFailures.includes(failure.code) ? 'STORE_DAMAGED' : change.problemCode;
  // One damaged recovery point says nothing of the others.
  const instanceKey = failure.code === 'STORE_DAMAGED' ? (change.instanceKey ?? null) : null;
  await settleReplication(tx, replicationId, {
    ...(recoveryState ? { recoveryState } : {}),
    lastError: { code: failure.code, message, at, taskId: task.id, kind },
    problems: (known) =>
      code ? [...withoutOf(known, [code], instanceKey), { code, message, at, instanceKey }] : known,
  });
}

/** The problems but those of the given codes that are about this recovery point (null: about the replication as a whole). */
export function withoutOf(
  problems: readonly ReplicationProblem[],
  codes: readonly string[],
  instanceKey: string | null,
): ReplicationProblem[] {
  return problems.filter((known) => !codes.includes(known.code) || (known.instanceKey ?? null) !== instanceKey);
}

/** The problems but those of the given codes. */
export function without(problems: readonly ReplicationProblem[], codes: readonly string[]): ReplicationProblem[] {
  return problems.filter((problem) => !codes.includes(problem.code));
}
