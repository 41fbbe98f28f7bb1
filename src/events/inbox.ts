import type { ProgressNotice, RecordedEvent, StreamItem } from './event.ts';
import { SlowReaderError } from './event.ts';

/** What has arrived for one live subscriber and was not taken yet. Its memory is bounded. */
export interface Inbox {
  event(event: RecordedEvent): void;
  progress(notice: Omit<ProgressNotice, 'position' | 'kind'>): void;
  /** Nothing more comes: `take` gives what is there, then undefined. */
  end(): void;
  /** The next item, events before progress. Throws SlowReaderError once more events arrived than are kept. */
  take(): Promise<StreamItem | undefined>;
}

/** A progress notice is only the latest of its subject, and of this many subjects. */
const subjectsKept = 1_000;

/** `position` is that of the last event delivered; events up to it are not taken again. */
export function createInbox(options: { position: bigint; eventsKept: number }): Inbox {
  let delivered = options.position;
  let events: RecordedEvent[] = [];
  const notices = new Map<string, Omit<ProgressNotice, 'position' | 'kind'>>();
  let overflowed = false;
  let ended = false;
  let arrived = Promise.withResolvers<void>();

  const next = (): StreamItem | undefined => {
    const event = events.shift();
    if (event) {
      delivered = event.position;
      return event;
    }
    for (const [subjectId, notice] of notices) {
      notices.delete(subjectId);
      return { kind: 'progress', position: delivered, ...notice };
    }
    return undefined;
  };

  return {
    event(event) {
      if (ended || overflowed || event.position <= delivered) return;
      if (events.length >= options.eventsKept) {
        overflowed = true;
        events = [];
        notices.clear();
      } else {
        events.push(event);
      }
      arrived.resolve();
    },
    progress(notice) {
      if (ended || overflowed) return;
      notices.delete(notice.subjectId);
      if (notices.size < subjectsKept) notices.set(notice.subjectId, notice);
      arrived.resolve();
    },
    end() {
      ended = true;
      arrived.resolve();
    },
    async take() {
      for (;;) {
        if (overflowed) throw new SlowReaderError(delivered);
        const item = next();
        if (item || ended) return item;
        arrived = Promise.withResolvers();
        await arrived.promise;
      }
    },
  };
}
