import type pg from 'pg';
import { endable } from './endable.ts';
import { CursorExpiredError, type StreamItem, type Subscription } from './event.ts';
import { createInbox } from './inbox.ts';
import { readPage } from './page.ts';
import type { Sequencer } from './sequencer.ts';
import { lastEventSql } from './sql/last-event.ts';
import type { Tail } from './tail.ts';

const pageSize = 200;

/** Where a subscription reads from, and how many events it may leave lying. */
export interface SubscriptionSource {
  pool: pg.Pool;
  sequencer: Sequencer;
  tail: Tail;
  eventsKept: number;
}

/**
 * Events from their start on, then live. First pages from the database, at the reader's own pace, until it has caught up
 * with the tail; then it is attached to the tail in the same turn of the event loop in which it was found to be level,
 * so that nothing lies between the two and nothing is in both.
 */
export function subscribe(
  source: SubscriptionSource,
  subscription: Subscription,
): AsyncGenerator<StreamItem, void, undefined> {
  // `now` means the moment of this call, not of the first `next`.
  const asked = source.tail.head();
  const stop = new AbortController();
  const signal = subscription.signal ? AbortSignal.any([subscription.signal, stop.signal]) : stop.signal;
  return endable(read(source, subscription, asked, signal), stop);
}

async function* read(
  source: SubscriptionSource,
  subscription: Subscription,
  asked: bigint,
  signal: AbortSignal,
): AsyncGenerator<StreamItem, void, undefined> {
  const { pool, tail } = source;
  const { stream, subjectId, progress } = subscription;
  if (signal.aborted) return;
  let cursor = await startPosition(source, subscription, asked);
  while (cursor < tail.head()) {
    const upTo = tail.head();
    const page = await readPage(pool, { after: cursor, upTo, stream, subjectId, limit: pageSize });
    if (cursor < page.prunedPosition) throw new CursorExpiredError(page.prunedPosition);
    for (const event of page.events) {
      if (signal.aborted) return;
      cursor = event.position;
      yield event;
    }
    if (page.events.length < pageSize) cursor = upTo;
  }

  const inbox = createInbox({ position: cursor, eventsKept: source.eventsKept });
  const detach = tail.attach({ stream, subjectId, progress }, inbox);
  signal.addEventListener('abort', inbox.end);
  try {
    while (!signal.aborted) {
      const item = await inbox.take();
      if (!item || signal.aborted) return;
      yield item;
    }
  } finally {
    signal.removeEventListener('abort', inbox.end);
    detach();
  }
}

async function startPosition(source: SubscriptionSource, subscription: Subscription, asked: bigint): Promise<bigint> {
  const { from, stream, subjectId } = subscription;
  if (from === 'now') return asked;
  if (from === 'latest') {
    if (subjectId === undefined)
      throw new Error('A subscription that starts with the latest event must name its subject.');
    // The subject's end may be committed and not yet in order.
    await source.sequencer.now();
    const { rows } = await source.pool.query<{ position: string }>({ ...lastEventSql, values: [stream, subjectId] });
    return rows[0] ? BigInt(rows[0].position) - 1n : asked;
  }
  const { lastPosition, prunedPosition } = await readPage(source.pool, { after: from.after, limit: 0 });
  // Beyond the end: a cursor of another database, or of this one before it was restored from a backup.
  if (from.after < prunedPosition || from.after > lastPosition) throw new CursorExpiredError(prunedPosition);
  return from.after;
}
