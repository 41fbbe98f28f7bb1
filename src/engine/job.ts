import type { z } from 'zod';
import type { Sql } from '../events/record.ts';

/**
 * How the engine shares a transaction with the owner of the database client. `Tx` is whatever that client calls a
 * transaction; the engine never looks inside, it only asks for SQL that runs within it.
 */
export interface Transactions<Tx> {
  run<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
  sql(tx: Tx): Sql;
}

/** What a running job says about how far it is. Only the latest value counts; fields left out keep their last value. */
export interface Progress {
  /** 0–100. */
  percent?: number;
  phase?: string;
  bytesDone?: bigint;
  bytesTotal?: bigint;
  objectsDone?: bigint;
  objectsTotal?: bigint;
  /** Bytes a second. */
  transferRate?: number;
}

export interface Warning {
  code: string;
  message: string;
}

/** Why a task failed, as clients see it. `args` are the values that the message names. */
export interface TaskFailure {
  code: string;
  message: string;
  args?: Record<string, string>;
}

/** Thrown by a job that cannot reach its goal: the task ends FAILED with this code and message, and is not repeated. */
export class JobFailure extends Error {
  readonly failure: TaskFailure;
  constructor(failure: TaskFailure, options?: ErrorOptions) {
    super(failure.message, options);
    this.name = 'JobFailure';
    this.failure = failure;
  }
}

/** What a job is given. Everything that it writes goes through `step` or the outcome's `commit`, fenced by its lease. */
export interface JobContext<Checkpoint, Tx> {
  readonly taskId: string;
  /** 1 at the first start; grows when a worker died or lost its lease. */
  readonly attempt: number;
  /** Aborted when the task is cancelled, its lease is lost, or the worker stops. A job stops as soon as it can and throws. */
  readonly signal: AbortSignal;
  /** What the last completed `step` stored; undefined at the first start. */
  readonly checkpoint: Checkpoint | undefined;
  /** Resolves while the lease is held and no cancel was asked for; throws otherwise. Called before every effect. */
  check(): Promise<void>;
  /** Stores the checkpoint and runs `work` in one transaction that only commits while the lease is held. */
  step(checkpoint: Checkpoint, work?: (tx: Tx) => Promise<void>): Promise<void>;
  /** Kept in memory and flushed every 250 ms. */
  report(progress: Progress): void;
  warn(warning: Warning): void;
}

/** How one run of a job ends when it does not throw. */
export type JobOutcome<Result, Tx> =
  | { outcome: 'done'; result: Result; completeReason?: string; commit?: (tx: Tx) => Promise<void> }
  /** Releases the slot, keeps the entity key, runs again (same attempt) at `until`, or earlier when `wakeTask` is called. */
  | { outcome: 'wait'; until: Date; waitingFor: string };

export interface EndedTask {
  id: string;
  state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  failure: TaskFailure | undefined;
  /** False when the task ended without ever having been started (cancelled or too late in the queue). */
  wasStarted: boolean;
}

/** Whether a task of a kind that did not succeed may be submitted again, by somebody who asks for that; if not, why. */
export type Repeat = 'SAFE' | { unsafe: string };

/** A kind of task: what it takes, how it runs, what must be put right when it does not succeed. */
export interface JobDefinition<Input, Checkpoint, Result, Tx> {
  kind: string;
  input: z.ZodType<Input>;
  checkpoint: z.ZodType<Checkpoint>;
  /** How many workers may die of it before the task ends FAILED. */
  maxAttempts: number;
  isCancellable: boolean;
  /** Unsafe where it is left out. */
  repeat?: Repeat;
  run(context: JobContext<Checkpoint, Tx>, input: Input): Promise<JobOutcome<Result, Tx>>;
  /** Runs in the transaction that writes FAILED or CANCELLED: gives back what the task had taken in the domain. */
  onUnfinished?(tx: Tx, task: EndedTask, input: Input): Promise<void>;
}

/** A job whose types are closed over, so that definitions of different kinds stand in one list. */
export interface Job<Tx> {
  kind: string;
  maxAttempts: number;
  isCancellable: boolean;
  repeat: Repeat;
  parseInput(input: unknown): unknown;
  run(context: JobContext<unknown, Tx>, input: unknown): Promise<JobOutcome<unknown, Tx>>;
  onUnfinished(tx: Tx, task: EndedTask, input: unknown): Promise<void>;
}

/** Closes a definition over its types; input and checkpoint are parsed wherever they come back from the database. */
export function defineJob<Input, Checkpoint, Result, Tx>(
  definition: JobDefinition<Input, Checkpoint, Result, Tx>,
): Job<Tx> {
  const { kind, maxAttempts, isCancellable, input: inputSchema, checkpoint: checkpointSchema } = definition;
  return {
    kind,
    maxAttempts,
    isCancellable,
    repeat: definition.repeat ?? { unsafe: `Tasks of kind ${kind} do not say that repeating them is safe.` },
    parseInput: (input) => inputSchema.parse(input),
    run: (context, input) => {
      const typed: JobContext<Checkpoint, Tx> = {
        taskId: context.taskId,
        attempt: context.attempt,
        signal: context.signal,
        checkpoint: context.checkpoint === undefined ? undefined : checkpointSchema.parse(context.checkpoint),
        check: () => context.check(),
        step: (checkpoint, work) => context.step(checkpoint, work),
        report: (progress) => context.report(progress),
        warn: (warning) => context.warn(warning),
      };
      return definition.run(typed, inputSchema.parse(input));
    },
    onUnfinished: async (tx, task, input) => {
      const parsed = inputSchema.safeParse(input);
      if (parsed.success) await definition.onUnfinished?.(tx, task, parsed.data);
    },
  };
}
