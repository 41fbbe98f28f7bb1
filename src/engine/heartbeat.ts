import type pg from 'pg';
import type { Logger } from 'pino';
import { TaskCancelled } from './abort.ts';
import { type HeldTasks, isWithinLease, lose } from './held.ts';
import { heartbeatSql } from './sql/heartbeat.ts';

/** Keeps the leases of all tasks of a worker. */
export interface Heartbeat {
  /** Beats now, for a cancel may have been missed. */
  beat(): void;
  stop(): Promise<void>;
}

interface Row {
  id: string;
  held: boolean;
  renewed: boolean;
  isCancelled: boolean;
}

/**
 * Renews all leases in one statement every `heartbeatMs`, and aborts the jobs whose lease could not be renewed for
 * `stopAfterMs`, or is lost, or whose cancel was not heard of by notification.
 */
export function startHeartbeat<Tx>(options: {
  heartbeatPool: pg.Pool;
  log: Logger;
  held: HeldTasks<Tx>;
  leaseMs: number;
  heartbeatMs: number;
  stopAfterMs: number;
}): Heartbeat {
  const { heartbeatPool, log, held, leaseMs, heartbeatMs, stopAfterMs } = options;
  let beating: Promise<void> | undefined;
  let lastAt = performance.now();

  const renew = async () => {
    const sentAt = performance.now();
    lastAt = sentAt;
    const sent = new Map(held);
    if (sent.size === 0) return;
    const tokens = [...sent.values()].map(({ task }) => task.leaseToken);
    const { rows } = await heartbeatPool.query<Row>({ ...heartbeatSql, values: [[...sent.keys()], tokens, leaseMs] });
    for (const row of rows) {
      const run = sent.get(row.id);
      // One that ended or was given up meanwhile is nobody's any more.
      if (!run || held.get(row.id) !== run) continue;
      if (row.renewed) run.confirmedAt = sentAt;
      if (!row.held) lose(run);
      else if (row.isCancelled) run.controller.abort(new TaskCancelled());
    }
  };
  const beat = () => {
    beating ??= renew()
      .catch((error: unknown) =>
        log.warn({ err: error }, 'The leases of running tasks could not be renewed; trying again.'),
      )
      .finally(() => {
        beating = undefined;
      });
  };
  const tick = () => {
    for (const run of held.values()) {
      if (run.controller.signal.aborted || isWithinLease(run, stopAfterMs)) continue;
      log.warn({ taskId: run.task.id }, 'The lease was not renewed in time; the task is stopped here.');
      lose(run);
    }
    if (performance.now() - lastAt >= heartbeatMs) beat();
  };
  // Looking is cheap, so it is done more often than beating: a beat that hangs must not keep jobs from being stopped.
  const timer = setInterval(tick, heartbeatMs / 10);

  return {
    beat,
    async stop() {
      clearInterval(timer);
      await beating;
    },
  };
}
