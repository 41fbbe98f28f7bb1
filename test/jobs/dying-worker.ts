import type { Tx } from '../../src/domain/context.ts';
import type { JobContext } from '../../src/engine/job.ts';
import type { Bench } from '../support/seed.ts';

/** What a worker that dies leaves: no word to anybody, and what was committed. */
export class Died extends Error {}

/** The lives of one task's workers: each dies at a chosen moment, the next goes on from the stored checkpoint. */
export interface DyingWorker {
  /** Runs the task's job until it has ended or its worker dies at the n-th moment; says which. */
  run(dieAt?: number, signal?: AbortSignal): Promise<'ended' | 'died'>;
  /** The names of the moments of the last run. */
  moments(): readonly string[];
}

/**
 * Runs a queued task's job without an engine. Moments at which a worker may die: each check, and before and after the
 * transaction of each step and of the end.
 */
export function dyingWorker(bench: Bench, taskId: string): DyingWorker {
  const { prisma } = bench.domain;
  let checkpoint: unknown;
  let attempt = 0;
  let moments: string[] = [];

  const run = async (dieAt = Number.POSITIVE_INFINITY, signal = new AbortController().signal) => {
    attempt += 1;
    moments = [];
    const task = await prisma.task.findUniqueOrThrow({ where: { id: taskId } });
    const job = bench.jobs.find(({ kind }) => kind === task.kind);
    if (!job) throw new Error(`No job is of kind ${task.kind}.`);
    const moment = (name: string) => {
      moments.push(name);
      if (moments.length > dieAt) throw new Died();
    };
    const commit = async (name: string, work: (tx: Tx) => Promise<unknown>, whenCommitted: () => void) => {
      await prisma.$transaction(async (tx) => {
        await work(tx);
        moment(`before the commit of ${name}`);
      });
      whenCommitted();
      moment(`after the commit of ${name}`);
    };
    const context: JobContext<unknown, Tx> = {
      taskId,
      attempt,
      signal,
      checkpoint,
      check: async () => {
        signal.throwIfAborted();
        moment('check');
      },
      step: (next, work) =>
        commit(
          JSON.stringify(next),
          async (tx) => work?.(tx),
          () => {
            checkpoint = JSON.parse(JSON.stringify(next));
          },
        ),
      report: () => {},
      warn: () => {},
    };
    try {
      const outcome = await job.run(context, task.input);
      if (outcome.outcome !== 'done') throw new Error('The job waits.');
      await commit(
        'the end',
        async (tx) => {
          await outcome.commit?.(tx);
          await tx.task.update({ where: { id: taskId }, data: { state: 'SUCCEEDED', result: outcome.result ?? {} } });
        },
        () => {},
      );
      return 'ended';
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      return moments.at(-1) === 'after the commit of the end' ? 'ended' : 'died';
    }
  };
  return { run, moments: () => moments };
}
