import type pg from 'pg';
import type { Logger } from 'pino';
import { channels } from './channel.ts';
import type { EventReader } from './event.ts';
import { type Listener, openListener } from './listener.ts';
import { readPage } from './page.ts';
import { createProgressAnnouncer, parseProgress } from './progress.ts';
import { startPruning } from './prune.ts';
import { createSequencer } from './sequencer.ts';
import { announcePositionSql } from './sql/announce-position.ts';
import { subscribe } from './subscribe.ts';
import { createTail } from './tail.ts';
import { throttle } from './throttle.ts';

/** The process's events: puts committed ones in order, hands them to subscribers, and holds the one LISTEN connection. */
export interface EventBus extends EventReader {
  listener: Listener;
  /** Tells subscribers everywhere that the subjects' current values moved; at most four times a second. */
  announceProgress(stream: string, subjectIds: Iterable<string>): void;
  /** Call it after committing events: they reach subscribers at once instead of within seconds. */
  notifyEvents(): void;
  /** Ends all subscriptions. */
  close(): Promise<void>;
}

export interface EventBusOptions {
  pool: pg.Pool;
  /** The connection URL of the LISTEN connection. */
  listenUrl: string;
  log: Logger;
  /** How long events are kept. 7 days. */
  retentionMs?: number;
  /** How many events may wait for one live subscriber before it is ended with SlowReaderError. 1,000. */
  eventsKept?: number;
  /** How often the database is asked what a lost notification would have told. 2 s. */
  sweepMs?: number;
}

const announceMs = 250;
const week = 7 * 24 * 60 * 60 * 1_000;

export async function startEventBus(options: EventBusOptions): Promise<EventBus> {
  const { pool, listenUrl, log, retentionMs = week, eventsKept = 1_000, sweepMs = 2_000 } = options;
  const { lastPosition } = await readPage(pool, { after: 0n, limit: 0 });
  const tail = createTail({ pool, log, head: lastPosition });
  let announced = lastPosition;
  const announcePosition = throttle({
    intervalMs: announceMs,
    action: async () => {
      await pool.query({ ...announcePositionSql, values: [announced] });
    },
    onError: (error) =>
      log.warn({ err: error }, 'New positions could not be announced; other processes look by themselves.'),
  });
  const sequencer = createSequencer({
    pool,
    log,
    onPositions: (position) => {
      announced = position;
      tail.advance(position);
      announcePosition.request();
    },
  });
  const progress = createProgressAnnouncer({ pool, log });

  const listener = await openListener({ url: listenUrl, log });
  const sweep = () => {
    sequencer.request();
    tail.advance(undefined);
  };
  listener.onReconnect(sweep);
  await listener.listen(channels.recorded, sequencer.request);
  await listener.listen(channels.sequenced, (payload) =>
    tail.advance(/^\d{1,18}$/.test(payload) ? BigInt(payload) : undefined),
  );
  await listener.listen(channels.progress, (payload) => {
    const notice = parseProgress(payload);
    if (!notice) return;
    const { stream, at, ids } = notice;
    for (const subjectId of ids) tail.progress({ stream, subjectId, at });
  });
  sweep();
  const sweeping = setInterval(sweep, sweepMs);
  const pruning = startPruning({ pool, log, retentionMs });

  return {
    listener,
    subscribe: (subscription) => subscribe({ pool, sequencer, tail, eventsKept }, subscription),
    announceProgress: progress.announce,
    notifyEvents: sequencer.request,
    async close() {
      clearInterval(sweeping);
      await listener.close();
      await Promise.all([pruning.close(), progress.close(), sequencer.close(), announcePosition.close()]);
      await tail.close();
    },
  };
}
