import { endQueued } from './end-queued.ts';
import { insertTask } from './enqueue.ts';
import type { Job, Repeat } from './job.ts';
import { toJson } from './json.ts';
import type { QueueOptions } from './options.ts';
import { cancelRunningSql } from './sql/cancel-running.ts';
import { deleteTaskSql } from './sql/delete-task.ts';
import { findTaskSql } from './sql/find-task.ts';
import { updateQueuedSql } from './sql/update-queued.ts';
import { wakeTaskSql } from './sql/wake-task.ts';
import {
  type CancelOutcome,
  type DeleteOutcome,
  type Enqueued,
  isTerminal,
  type NewTask,
  type TaskChanges,
  terminalStates,
} from './task.ts';
import { statesOf } from './transition.ts';
import { createWaker } from './wake.ts';

/** Submits and cancels tasks, in any process, with or without a worker of its own. */
export interface TaskQueue<Tx> {
  /** Inserts the task in the caller's transaction; a worker is woken once it commits. */
  enqueue(tx: Tx, task: NewTask): Promise<Enqueued>;
  /** Gives a queued task another priority or window, in the caller's transaction. False if it is not queued. */
  update(tx: Tx, taskId: string, changes: TaskChanges): Promise<boolean>;
  /** Whether tasks of the kind may be submitted again. */
  repeat(kind: string): Repeat;
  /** Asks for each task to be cancelled; says what happened to each, in the order given. */
  cancel(taskIds: readonly string[], requestedBy: string): Promise<CancelOutcome[]>;
  /** Deletes ended tasks with their parts and events; says what happened to each, in the order given. */
  delete(taskIds: readonly string[]): Promise<DeleteOutcome[]>;
  /** Lets a waiting task go on at once. One that is running will not wait. False if it is neither. */
  wake(taskId: string): Promise<boolean>;
  close(): Promise<void>;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createTaskQueue<Tx>(options: QueueOptions<Tx>): TaskQueue<Tx> {
  const { pool, transactions, events, log } = options;
  const jobs = new Map(options.jobs.map((job) => [job.kind, job]));
  const waker = createWaker({ pool, log });

  return {
    async enqueue(tx, task) {
      const job = jobs.get(task.kind);
      if (!job) throw new Error(`There is no job for tasks of kind ${task.kind}.`);
      const carries = waker.takeTurn();
      const enqueued = await insertTask(transactions.sql(tx), job, task, carries);
      if (enqueued.outcome === 'created' && !carries) waker.announce(enqueued.taskId);
      return enqueued;
    },
    repeat: (kind) => jobs.get(kind)?.repeat ?? { unsafe: `This program has no job for tasks of kind ${kind}.` },
    async update(tx, taskId, changes) {
      const values = [taskId, toJson(changes), statesOf('change')];
      return (await transactions.sql(tx).query(updateQueuedSql, values)).length > 0;
    },
    async cancel(taskIds, requestedBy) {
      const outcomes: CancelOutcome[] = [];
      // One after the other: locking several rows at once could meet a worker that ends the same ones in another order.
      for (const id of taskIds) outcomes.push(await cancelTask(options, jobs, id, requestedBy));
      events.notifyEvents();
      return outcomes;
    },
    async delete(taskIds) {
      const gone = new Set<string>();
      const outcomes: DeleteOutcome[] = [];
      for (const id of taskIds) outcomes.push(await deleteTask(options, id, gone));
      events.notifyEvents();
      return outcomes;
    },
    async wake(taskId) {
      const { rows } = await pool.query({ ...wakeTaskSql, values: [taskId] });
      return rows.length > 0;
    },
    close: () => waker.close(),
  };
}

interface Found {
  kind: string;
  state: string;
  isCancellable: boolean;
  input: unknown;
}

async function cancelTask<Tx>(
  options: QueueOptions<Tx>,
  jobs: ReadonlyMap<string, Job<Tx>>,
  id: string,
  requestedBy: string,
): Promise<CancelOutcome> {
  const { pool, transactions } = options;
  if (!uuid.test(id)) return 'NOT_FOUND';
  for (;;) {
    const { rows } = await pool.query<Found>({ ...findTaskSql, values: [id] });
    const [task] = rows;
    if (!task) return 'NOT_FOUND';
    if (isTerminal(task.state)) return 'ALREADY_ENDED';
    if (task.state === 'CANCELLING') return 'CANCELLING';
    const job = jobs.get(task.kind);
    if (!task.isCancellable || !job) return 'NOT_CANCELLABLE';
    if (task.state === 'QUEUED') {
      const end = { transition: 'drop', requestedBy } as const;
      if (await endQueued(transactions, job, { id, input: task.input }, end)) return 'CANCELLED';
    } else if (task.state === 'RUNNING') {
      const cancelled = await pool.query({ ...cancelRunningSql, values: [id, requestedBy, statesOf('cancel')] });
      if (cancelled.rows.length > 0) return 'CANCELLING';
    } else {
      return 'NOT_CANCELLABLE';
    }
    // It moved between the look and the write: look again.
  }
}

/** `gone`: what this request has deleted; a part goes with the task that it belongs to. */
async function deleteTask<Tx>({ pool }: QueueOptions<Tx>, id: string, gone: Set<string>): Promise<DeleteOutcome> {
  if (gone.has(id)) return 'DELETED';
  if (!uuid.test(id)) return 'NOT_FOUND';
  const { rows } = await pool.query<{ id: string; isGone: boolean }>({
    ...deleteTaskSql,
    values: [id, terminalStates],
  });
  if (rows.length === 0) return 'NOT_FOUND';
  for (const row of rows) if (row.isGone) gone.add(row.id);
  return gone.has(id) ? 'DELETED' : 'NOT_ENDED';
}
