import pino from 'pino';
import { type Database, openDatabase, type Tx } from '../../src/database/database.ts';
import type { Job } from '../../src/engine/job.ts';
import type { Tuning } from '../../src/engine/options.ts';
import { createTaskQueue, type TaskQueue } from '../../src/engine/queue.ts';
import { isTerminal, type NewTask } from '../../src/engine/task.ts';
import { startWorker, type Worker } from '../../src/engine/worker.ts';
import { type EventBus, startEventBus } from '../../src/events/bus.ts';

export const log = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

/** A lease short enough for a test to see it end, with the same proportions as the real one. */
export const shortLease = { leaseMs: 2_000, heartbeatMs: 400, stopAfterMs: 1_500 };

/** The engine as a process of the service has it, with jobs of the test's own. */
export interface Engine {
  database: Database;
  events: EventBus;
  queue: TaskQueue<Tx>;
  startWorker(tuning?: Partial<Tuning>): Promise<Worker>;
  /** Submits a task in a transaction of its own; returns its id. */
  submit(task: NewTask): Promise<string>;
  /** Waits until the task is in the state, told by its events; fails when it ends in another. */
  reaches(taskId: string, state: string): Promise<void>;
  row(taskId: string): Promise<TaskRow>;
  close(): Promise<void>;
}

export interface TaskRow {
  state: string;
  attempts: number;
  result: unknown;
  error: { code: string; message: string } | null;
  checkpoint: unknown;
  warnings: unknown;
  progress: number | null;
  phase: string | null;
  bytesDone: bigint | null;
  waitingFor: string | null;
  completeReason: string | null;
  cancelRequestedBy: string | null;
  workerId: string | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export async function openEngine(url: string, jobs: readonly Job<Tx>[]): Promise<Engine> {
  const database = await openDatabase({ url, log });
  const { pool, heartbeatPool, transactions } = database;
  const events = await startEventBus({ pool, listenUrl: url, log });
  const queue = createTaskQueue({ pool, transactions, events, jobs, log });
  const workers: Worker[] = [];
  return {
    database,
    events,
    queue,
    async startWorker(tuning = {}) {
      const worker = await startWorker({ pool, heartbeatPool, transactions, events, jobs, log, ...tuning });
      workers.push(worker);
      return worker;
    },
    async submit(task) {
      const enqueued = await transactions.run((tx) => queue.enqueue(tx, task));
      if (enqueued.outcome !== 'created') throw new Error(`The task was not created: ${enqueued.outcome}`);
      return enqueued.taskId;
    },
    async reaches(taskId, state) {
      const seen: string[] = [];
      for await (const item of events.subscribe({
        stream: 'task',
        subjectId: taskId,
        from: 'latest',
        progress: false,
      })) {
        if (item.kind !== 'event') continue;
        const now = stateIn(item.payload);
        seen.push(now);
        if (now === state) return;
        if (isTerminal(now)) throw new Error(`The task was to reach ${state} and went ${seen.join(' → ')}`);
      }
      throw new Error(`The events ended before the task reached ${state}`);
    },
    async row(taskId) {
      const { rows } = await pool.query<TaskRow>('SELECT * FROM "Task" WHERE "id" = $1', [taskId]);
      const [row] = rows;
      if (!row) throw new Error(`There is no task ${taskId}`);
      return row;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await queue.close();
      await events.close();
      await database.close();
    },
  };
}

/** The state in an event's payload. */
export function stateIn(payload: unknown): string {
  if (payload && typeof payload === 'object' && 'state' in payload && typeof payload.state === 'string')
    return payload.state;
  throw new Error(`This is no task's event: ${JSON.stringify(payload)}`);
}

/** Something that happens once, to be waited for. */
export function signal<Value = void>(): PromiseWithResolvers<Value> {
  return Promise.withResolvers<Value>();
}
