import type { Prisma, PrismaClient } from '../../prisma/client/client.ts';
import type { Connector } from '../connectors/connector.ts';

import type { Repeat } from '../engine/job.ts';
import type { CancelOutcome, DeleteOutcome, Enqueued, NewTask, TaskChanges } from '../engine/task.ts';
import type { Sql } from '../events/record.ts';
import type { ProviderKind } from './vocabulary.ts';

/** A Prisma transaction, as the domain and the jobs write in it. */
export type Tx = Prisma.TransactionClient;

/** What the domain asks of the task engine. */
export interface TaskQueue {
  /** Inserts the task in the caller's transaction; a worker is woken once it commits. */
  enqueue(tx: Tx, task: NewTask): Promise<Enqueued>;
  /** Gives a queued task another priority or window. False if it is not queued. */
  update(tx: Tx, taskId: string, changes: TaskChanges): Promise<boolean>;
  /** Whether tasks of the kind may be submitted again after they did not succeed; if not, why. */
  repeat(kind: string): Repeat;
  /** Asks for each task to be cancelled; says what happened to each, in the order given. */
  cancel(taskIds: readonly string[], requestedBy: string): Promise<CancelOutcome[]>;
  /** Deletes ended tasks with their parts and events; says what happened to each, in the order given. */
  delete(taskIds: readonly string[]): Promise<DeleteOutcome[]>;
}

/** What every function of the domain may use. Built once by `resources.ts`. */
export interface Domain {
  prisma: PrismaClient;
  tasks: TaskQueue;
  /** SQL inside a Prisma transaction. */
  sql(tx: Tx): Sql;
  connector(kind: ProviderKind): Connector;
}
