import { isTerminal } from '../engine/task.ts';
import type { Domain } from './context.ts';
import { InvalidInputError, InvalidStateError } from './error.ts';
import { requireOperator } from './permission.ts';
import { checkWindow } from './task.ts';
import { lockTask } from './task-lock.ts';
import type { Viewer } from './viewer.ts';

/** What a queued task may be given anew. Left out: as it was. Null takes a bound of the window away. */
export interface UpdateTaskInput {
  id: string;
  priority?: number | null;
  notBefore?: Date | null;
  startBefore?: Date | null;
}

/** Changes the priority and the window of a task that has not started. Throws NotFoundError, InvalidInputError and InvalidStateError. */
export async function updateTask(domain: Domain, viewer: Viewer, input: UpdateTaskInput): Promise<{ taskId: string }> {
  requireOperator(viewer, 'change tasks');
  const { id, priority, notBefore, startBefore } = input;
  const changes = {
    ...(priority == null ? {} : { priority }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(startBefore === undefined ? {} : { startBefore }),
  };
  if (Object.keys(changes).length === 0) {
    throw new InvalidInputError([
      { path: ['priority'], message: 'Nothing is to be changed. Give a priority, notBefore or startBefore.' },
    ]);
  }
  await domain.prisma.$transaction(async (tx) => {
    const task = await lockTask(tx, viewer, id);
    if (task.state !== 'QUEUED') throw notQueued(task.state);
    if (task.startedAt && (notBefore !== undefined || startBefore !== undefined)) throw wasStarted(task.state);
    checkWindow({ ...changes, notBefore: notBefore === undefined ? task.notBefore : notBefore }, task.startBefore);
    if (!(await domain.tasks.update(tx, id, changes))) throw notQueued('RUNNING');
  });
  return { taskId: id };
}

function notQueued(state: string): InvalidStateError {
  const how = isTerminal(state) ? 'It has ended' : 'It has started';
  return new InvalidStateError(
    `${how}: it is ${state}. Only a task that is QUEUED can be given another priority or window.`,
    state,
    [],
  );
}

function wasStarted(state: string): InvalidStateError {
  const message =
    'It was started before and waits to be taken up again, so that its window no longer matters. Give a priority alone.';
  return new InvalidStateError(message, state, []);
}
