import pino from 'pino';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { type EventBus, type EventBusOptions, startEventBus } from '../../src/events/bus.ts';
import type { StreamItem, Subscription } from '../../src/events/event.ts';
import { recordEventSql } from '../../src/events/sql/record-event.ts';

export const log = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
export const subject = '22222222-2222-4222-8222-222222222222';
export const otherSubject = '33333333-3333-4333-8333-333333333333';

/** Everything about one subject of the stream "task", or what the test says. */
export function about(from: Subscription['from'], more: Partial<Subscription> = {}): Subscription {
  return { stream: 'task', from, progress: false, ...more };
}

/** A process's part in the events: a database and a bus. */
export interface Setting {
  database: Database;
  bus: EventBus;
  /** Commits events one after the other with these numbers as payload. */
  record(numbers: readonly number[], subjectId?: string): Promise<void>;
  close(): Promise<void>;
}

export async function openSetting(url: string, options: Partial<EventBusOptions> = {}): Promise<Setting> {
  const database = await openDatabase({ url, log });
  const { pool } = database;
  const bus = await startEventBus({ pool, listenUrl: url, log, ...options });
  return {
    database,
    bus,
    async record(numbers, subjectId = subject) {
      for (const payload of numbers) {
        await pool.query(recordEventSql, ['task', 'STATE_CHANGED', subjectId, JSON.stringify(payload)]);
        bus.notifyEvents();
      }
    },
    async close() {
      await bus.close();
      await database.close();
    },
  };
}

/** The next items, so many. */
export async function take(items: AsyncGenerator<StreamItem, void, undefined>, count: number): Promise<StreamItem[]> {
  const taken: StreamItem[] = [];
  while (taken.length < count) {
    const { value, done } = await items.next();
    if (done || !value) throw new Error(`The subscription ended after ${taken.length} of ${count} items.`);
    taken.push(value);
  }
  return taken;
}

/** The payloads of events, `progress` for a notice. */
export function payloads(items: readonly StreamItem[]): unknown[] {
  return items.map((item) => (item.kind === 'event' ? item.payload : 'progress'));
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
