import type { SyncCounters, Work, WorkProgress } from '../connectors/connector.ts';
import type { JobContext, Progress } from '../engine/job.ts';

/** A transfer rate is that of the last so many milliseconds. */
const rateWindowMs = 5_000;
/** How often a sync's counters are saved with the replication, beside the task's own progress. */
const saveEveryMs = 1_000;

/** A connector's work, tied to the task that runs it. */
export interface TrackedWork {
  work: Work;
  /** Resolves when no save of counters is under way; throws what a save threw. Called before the next step. */
  settled(): Promise<void>;
}

/**
 * Ties a connector's work to a task: its id is the idempotency key, its lease the fence, and what is reported becomes
 * the task's progress. `save` keeps a sync's counters, at most once a second and one at a time.
 */
export function trackWork(
  context: Pick<JobContext<unknown, unknown>, 'taskId' | 'signal' | 'check' | 'report'>,
  save?: (counters: SyncCounters) => Promise<void>,
): TrackedWork {
  const rateOf = rateMeter();
  let saving: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;
  let savedAt = performance.now();

  const startSave = (counters: SyncCounters) => {
    if (!save || saving || failure || performance.now() - savedAt < saveEveryMs) return;
    savedAt = performance.now();
    saving = save(counters)
      .catch((error: unknown) => {
        failure = { error };
      })
      .finally(() => {
        saving = undefined;
      });
  };

  return {
    work: {
      idempotencyKey: context.taskId,
      signal: context.signal,
      check: () => context.check(),
      report: (progress) => {
        context.report(taskProgress(progress, rateOf));
        if (progress.phase === 'SYNC') startSave(progress.counters);
      },
    },
    settled: async () => {
      await saving;
      if (failure) throw failure.error;
    },
  };
}

/** How far a sync is, 0–100: what was compared, because what is left to transfer is only known once all was. */
export function syncPercent(counters: SyncCounters): number {
  return percentOf(counters.checksumComparedBytes, counters.checksumTotalBytes);
}

function taskProgress(progress: WorkProgress, rateOf: (bytes: number) => number): Progress {
  if (progress.phase === 'RESTORE') {
    const { bytesDone, bytesTotal } = progress;
    return {
      phase: 'RESTORE',
      percent: percentOf(bytesDone, bytesTotal),
      bytesDone: BigInt(bytesDone),
      bytesTotal: BigInt(bytesTotal),
      transferRate: rateOf(bytesDone),
    };
  }
  const { counters } = progress;
  return {
    phase: 'SYNC',
    percent: syncPercent(counters),
    bytesDone: BigInt(counters.checksumComparedBytes),
    bytesTotal: BigInt(counters.checksumTotalBytes),
    transferRate: rateOf(counters.bytesTransferred),
  };
}

function percentOf(done: number, total: number): number {
  return total <= 0 ? 100 : Math.min(100, Math.max(0, (100 * done) / total));
}

/** Bytes a second over the last seconds, from ever growing totals. */
function rateMeter(): (bytes: number) => number {
  const samples: { at: number; bytes: number }[] = [];
  return (bytes) => {
    const now = performance.now();
    samples.push({ at: now, bytes });
    while (samples.length > 2 && now - (samples[1]?.at ?? now) > rateWindowMs) samples.shift();
    const first = samples[0];
    const seconds = first ? (now - first.at) / 1000 : 0;
    return first && seconds > 0 ? (bytes - first.bytes) / seconds : 0;
  };
}
