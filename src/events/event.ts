/** A committed state change, at its place in commit order. */
export interface RecordedEvent {
  kind: 'event';
  position: bigint;
  stream: string;
  type: string;
  subjectId: string;
  at: Date;
  /** As it was written by the producer in the change's own transaction; parse it before use. */
  payload: unknown;
}

/** Says that a subject's current value moved; `position` is that of the last event delivered before it. */
export interface ProgressNotice {
  kind: 'progress';
  position: bigint;
  stream: string;
  subjectId: string;
  at: Date;
}

export type StreamItem = RecordedEvent | ProgressNotice;

/** Where a reader starts. `after`: behind that position. `now`: what comes. `latest`: with the subject's last event, then what comes. */
export type StartPoint = { after: bigint } | 'now' | 'latest';

export interface Subscription {
  stream: string;
  from: StartPoint;
  /** Only this subject. Required for `latest`. */
  subjectId?: string;
  /** Whether progress notices are wanted between the events. */
  progress: boolean;
  signal?: AbortSignal;
}

/** The cursor's events are no longer kept. `oldest` is the position after which everything is. */
export class CursorExpiredError extends Error {
  readonly oldest: bigint;
  constructor(oldest: bigint) {
    super(`The cursor is older than the events that are kept; the oldest valid position is ${oldest}.`);
    this.name = 'CursorExpiredError';
    this.oldest = oldest;
  }
}

/** A reader was too slow for the events kept in memory for it: it goes on from `lastDelivered` by subscribing again. */
export class SlowReaderError extends Error {
  readonly lastDelivered: bigint;
  constructor(lastDelivered: bigint) {
    super('This subscription fell too far behind and was ended; subscribe again after the last cursor received.');
    this.name = 'SlowReaderError';
    this.lastDelivered = lastDelivered;
  }
}

/** Reads events from their cursor on and then live, joined without a gap or a repeat. */
export interface EventReader {
  subscribe(subscription: Subscription): AsyncGenerator<StreamItem, void, undefined>;
}
