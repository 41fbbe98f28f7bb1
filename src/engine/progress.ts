import type pg from 'pg';
import type { Logger } from 'pino';
import type { EventBus } from '../events/bus.ts';
import type { Held, HeldTasks } from './held.ts';
import type { Progress, Warning } from './job.ts';
import { toJson } from './json.ts';
import { flushProgressSql } from './sql/flush-progress.ts';

/** Writes what the worker's jobs say of their progress, all together. */
export interface ProgressFlusher<Tx> {
  report(held: Held<Tx>, progress: Progress): void;
  warn(held: Held<Tx>, warning: Warning): void;
  stop(): Promise<void>;
}

/** What a job said and was not written yet, as the columns of a statement's list. */
export type Said = Progress & { warnings: Warning[] };

/** Takes what a job said and was not written yet. */
export function takeSaid<Tx>(held: Held<Tx>): Said {
  const said = { ...held.progress, warnings: held.warnings };
  held.progress = {};
  held.warnings = [];
  return said;
}

export function startProgress<Tx>(options: {
  pool: pg.Pool;
  log: Logger;
  events: Pick<EventBus, 'announceProgress'>;
  held: HeldTasks<Tx>;
  flushMs: number;
}): ProgressFlusher<Tx> {
  const { pool, log, events, held, flushMs } = options;
  let dirty = new Set<Held<Tx>>();
  let timer: NodeJS.Timeout | undefined;
  let flushing = Promise.resolve();

  const flush = async () => {
    const said = [...dirty].filter((run) => held.get(run.task.id) === run);
    dirty = new Set();
    const taken = said.map((run) => ({ run, said: takeSaid(run) }));
    const written = new Set<string>();
    try {
      if (taken.length > 0) {
        const list = taken.map(({ run, said }) => ({ id: run.task.id, leaseToken: run.task.leaseToken, ...said }));
        const { rows } = await pool.query<{ id: string }>({ ...flushProgressSql, values: [toJson(list)] });
        for (const { id } of rows) written.add(id);
        events.announceProgress('task', written);
      }
    } catch (error) {
      log.warn({ err: error }, 'Progress could not be written; trying again.');
    }
    for (const { run, said } of taken) if (!written.has(run.task.id)) giveBack(run, said);
    timer = undefined;
    if (dirty.size > 0) arm();
  };
  const giveBack = (run: Held<Tx>, said: Said) => {
    const { warnings, ...progress } = said;
    run.progress = { ...progress, ...run.progress };
    run.warnings = [...warnings, ...run.warnings];
    if (held.get(run.task.id) === run && !run.controller.signal.aborted) dirty.add(run);
  };
  const arm = () => {
    timer ??= setTimeout(() => {
      flushing = flush();
    }, flushMs);
  };
  const mark = (run: Held<Tx>) => {
    dirty.add(run);
    arm();
  };

  return {
    report(run, progress) {
      Object.assign(run.progress, rounded(progress));
      mark(run);
    },
    warn(run, warning) {
      run.warnings.push(warning);
      mark(run);
    },
    async stop() {
      clearTimeout(timer);
      await flushing;
      clearTimeout(timer);
    },
  };
}

/** Leaves out what is undefined or no number, and keeps percent within 0–100. */
function rounded(progress: Progress): Progress {
  const { percent, transferRate, ...rest } = progress;
  const kept: Progress = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  if (percent !== undefined && Number.isFinite(percent)) kept.percent = Math.min(100, Math.max(0, percent));
  if (transferRate !== undefined && Number.isFinite(transferRate)) kept.transferRate = transferRate;
  return kept;
}
