import type pg from 'pg';
import type { Logger } from 'pino';
import type { ProgressNotice, RecordedEvent } from './event.ts';
import type { Inbox } from './inbox.ts';
import { readPage } from './page.ts';

const pageSize = 500;

/** Reads new events once for the whole process and hands them to its live subscribers. */
export interface Tail {
  /** Every event up to here was handed to whoever was attached. */
  head(): bigint;
  /** Positions up to this one (undefined: unknown, ask the database) were given out. */
  advance(position: bigint | undefined): void;
  progress(notice: Omit<ProgressNotice, 'position' | 'kind'>): void;
  /** From now on the inbox gets what is behind `head`. Returns how to detach it. */
  attach(filter: { stream: string; subjectId: string | undefined; progress: boolean }, inbox: Inbox): () => void;
  /** Ends every inbox. */
  close(): Promise<void>;
}

interface Attached {
  inbox: Inbox;
  progress: boolean;
}

/** Starts at `head`. */
export function createTail(options: { pool: pg.Pool; log: Logger; head: bigint }): Tail {
  const { pool, log } = options;
  let head = options.head;
  let goal: bigint | undefined = head;
  let isReading = false;
  let reading = Promise.resolve();
  let closed = false;
  // Keyed by stream and subject, so that an event costs only those who want it.
  const attached = new Map<string, Set<Attached>>();

  const of = (stream: string, subjectId: string) => [
    ...(attached.get(key(stream, undefined)) ?? []),
    ...(attached.get(key(stream, subjectId)) ?? []),
  ];
  const deliver = (event: RecordedEvent) => {
    for (const { inbox } of of(event.stream, event.subjectId)) inbox.event(event);
  };

  const read = async () => {
    while (!closed && (goal === undefined || goal > head)) {
      if (attached.size === 0 && goal !== undefined) {
        // Nobody is live: who starts later reads what lies between from the database.
        head = goal;
        return;
      }
      if (goal === undefined) goal = head;
      const page = await readPage(pool, { after: head, limit: pageSize });
      for (const event of page.events) {
        deliver(event);
        head = event.position;
      }
      if (page.events.length < pageSize && page.lastPosition > head) head = page.lastPosition;
      if (goal !== undefined && page.lastPosition > goal) goal = page.lastPosition;
    }
  };
  const start = async () => {
    if (isReading || closed) return;
    isReading = true;
    try {
      await read();
    } catch (error) {
      // Where it stopped is not where the log ends: the next wake-up reads on from `head`.
      goal = undefined;
      log.warn({ err: error }, 'New events could not be read; trying again within seconds.');
    } finally {
      isReading = false;
    }
  };

  return {
    head: () => head,
    advance(position) {
      if (position === undefined) goal = undefined;
      else if (goal !== undefined && position > goal) goal = position;
      if (!isReading) reading = start();
    },
    progress(notice) {
      for (const { inbox, progress } of of(notice.stream, notice.subjectId)) if (progress) inbox.progress(notice);
    },
    attach({ stream, subjectId, progress }, inbox) {
      const name = key(stream, subjectId);
      const set = attached.get(name) ?? new Set();
      const entry = { inbox, progress };
      attached.set(name, set.add(entry));
      if (closed) inbox.end();
      return () => {
        set.delete(entry);
        if (set.size === 0 && attached.get(name) === set) attached.delete(name);
      };
    },
    async close() {
      closed = true;
      for (const set of attached.values()) for (const { inbox } of set) inbox.end();
      await reading;
    },
  };
}

function key(stream: string, subjectId: string | undefined): string {
  return `${stream}/${subjectId ?? ''}`;
}
