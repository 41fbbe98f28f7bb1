import type pg from 'pg';
import type { Logger } from 'pino';
import type { EventBus } from '../events/bus.ts';
import type { Job, Transactions } from './job.ts';

/** What the task queue needs, in any process that submits or cancels tasks. */
export interface QueueOptions<Tx> {
  pool: pg.Pool;
  transactions: Transactions<Tx>;
  events: Pick<EventBus, 'listener' | 'announceProgress' | 'notifyEvents'>;
  /** Every kind of task that the program knows. */
  jobs: readonly Job<Tx>[];
  log: Logger;
}

/** Times and limits of a worker. The lease outlives the moment at which a worker that cannot renew it stops by itself. */
export interface Tuning {
  /** How many jobs run at the same time. */
  concurrency: number;
  leaseMs: number;
  heartbeatMs: number;
  /** A job is aborted when its lease was not renewed for so long. */
  stopAfterMs: number;
  /** How often progress is written. */
  flushMs: number;
  /** How long a stopping worker waits for its jobs to stop. */
  stopWithinMs: number;
  /** The longest sleep: what a lost notification can cost. */
  longestSleepMs: number;
}

export const defaultTuning: Tuning = {
  concurrency: 4,
  leaseMs: 20_000,
  heartbeatMs: 5_000,
  stopAfterMs: 15_000,
  flushMs: 250,
  stopWithinMs: 8_000,
  longestSleepMs: 5_000,
};

/** What a worker needs. Leases are renewed on a pool of their own, so that they never queue behind other work. */
export interface WorkerOptions<Tx> extends QueueOptions<Tx>, Partial<Tuning> {
  heartbeatPool: pg.Pool;
}

/** The engine's channels of NOTIFY, beside those of the events. */
export const engineChannels = {
  /** Some task may be due. */
  wake: 'drgraph_task',
  /** The task whose id is the payload was asked to stop. */
  cancel: 'drgraph_cancel',
} as const;
