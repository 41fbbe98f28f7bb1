import { endable } from '../events/endable.ts';
import {
  CursorExpiredError,
  type EventReader,
  SlowReaderError,
  type StreamItem,
  type Subscription,
} from '../events/event.ts';
import type { GraphContext } from './context.ts';
import { refusal } from './refusal.ts';

const cursorText = /^event:([0-9]{1,18})$/;

/** A place in the log of events, as clients hold it. */
export function eventCursor(position: bigint): string {
  return Buffer.from(`event:${position}`).toString('base64url');
}

/** The place that a client's cursor names. Asked before a subscription starts, so that a wrong cursor is its first answer. */
export async function startAfter({ domain }: GraphContext, cursor: string): Promise<bigint> {
  const digits = cursorText.exec(Buffer.from(cursor, 'base64url').toString())?.[1];
  if (digits === undefined)
    throw refusal(
      'INVALID_INPUT',
      'after: this is not a cursor of an event. Pass one that an event carried, unchanged.',
    );
  const after = BigInt(digits);
  const log = await domain.prisma.eventLog.findFirstOrThrow();
  if (after < log.prunedPosition || after > log.lastPosition) throw cursorExpired(log.prunedPosition);
  return after;
}

/** The events of a subscription as `each` makes them for the client; ends at once when the client leaves, also while it waits. */
export function eventStream<Event>(
  events: EventReader,
  subscription: Omit<Subscription, 'signal'>,
  each: (item: StreamItem, end: () => void) => Promise<Event | undefined>,
): AsyncGenerator<Event, void, undefined> {
  const stop = new AbortController();
  // Now, not when the client first asks: `now` is the moment of this call.
  return endable(read(events.subscribe({ ...subscription, signal: stop.signal }), each), stop);
}

async function* read<Event>(
  items: AsyncGenerator<StreamItem, void, undefined>,
  each: (item: StreamItem, end: () => void) => Promise<Event | undefined>,
): AsyncGenerator<Event, void, undefined> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  try {
    for await (const item of items) {
      const event = await each(item, end);
      if (event !== undefined) yield event;
      if (isOver) return;
    }
  } catch (error) {
    if (error instanceof CursorExpiredError) throw cursorExpired(error.oldest);
    if (error instanceof SlowReaderError) {
      throw refusal('SLOW_READER', error.message, { lastCursor: eventCursor(error.lastDelivered) });
    }
    throw error;
  }
}

function cursorExpired(oldest: bigint) {
  return refusal(
    'CURSOR_EXPIRED',
    'after: the events behind this cursor are no longer kept. Read the current state, then subscribe after `extensions.oldestCursor` or without `after`.',
    { oldestCursor: eventCursor(oldest) },
  );
}
