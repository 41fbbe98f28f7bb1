import { z } from 'zod';
import { isTerminal } from '../engine/task.ts';
import type { Tx } from './context.ts';
import { ConflictError, InvalidStateError } from './error.ts';
import { lockTask } from './task-lock.ts';
import type { Viewer } from './viewer.ts';

const failure = z.object({ code: z.string() }).nullable();

/** Refuses to do a task again that has not failed, whose effect is not known, or that is done again already. Locks it. */
export async function requireRetryable(tx: Tx, viewer: Viewer, taskId: string): Promise<void> {
  const task = await lockTask(tx, viewer, taskId);
  const { kind, state } = task;
  const refuse = (message: string) => new InvalidStateError(message, state, []);
  if (!isTerminal(state)) throw refuse(`This ${kind} task is ${state}: it can be retried once it has failed.`);
  if (state === 'SUCCEEDED')
    throw refuse(`This ${kind} task has succeeded. Ask for the work anew if it is needed again.`);
  if (failure.parse(task.error)?.code === 'OUTCOME_UNKNOWN') {
    throw refuse(
      `Whether this ${kind} task did its work is not known, and doing it twice may harm. Look at the object, then ask for the work anew.`,
    );
  }
  const retry = await tx.task.findUnique({ where: { retryOfId: taskId }, select: { id: true } });
  if (retry) {
    throw new ConflictError(
      `This ${kind} task was retried already: ${retry.id}. If that failed too, retry that.`,
      retry.id,
    );
  }
}
