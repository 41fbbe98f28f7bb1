import pg from 'pg';
import type { Logger } from 'pino';

/** The process's one LISTEN connection. It reconnects by itself; what was notified meanwhile is lost, so re-read then. */
export interface Listener {
  /** Calls the handler with each payload on the channel, from the moment the promise resolves until the result is called. */
  listen(channel: string, handler: (payload: string) => void): Promise<() => void>;
  /** Calls the handler after each reconnection. */
  onReconnect(handler: () => void): () => void;
  close(): Promise<void>;
}

const shortestRetryMs = 50;
const longestRetryMs = 2_000;

/** Connects, or throws when the database cannot be reached at the first try. */
export async function openListener(options: { url: string; log: Logger }): Promise<Listener> {
  const { url, log } = options;
  const handlers = new Map<string, Set<(payload: string) => void>>();
  const reconnectHandlers = new Set<() => void>();
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let retryMs = shortestRetryMs;
  let closed = false;

  const connect = async () => {
    const next = new pg.Client({
      connectionString: url,
      application_name: 'drgraph listener',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
    next.on('error', (error) => log.warn({ err: error }, 'The connection that listens for notifications failed.'));
    next.on('notification', ({ channel, payload }) => {
      for (const handler of handlers.get(channel) ?? []) handler(payload ?? '');
    });
    await next.connect();
    next.once('end', () => {
      if (client === next) client = undefined;
      if (!closed) reconnectLater();
    });
    try {
      for (const channel of handlers.keys()) await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await next.end();
      throw error;
    }
    client = next;
    retryMs = shortestRetryMs;
    return next;
  };

  const reconnectLater = () => {
    if (retry || closed) return;
    retry = setTimeout(() => {
      retry = undefined;
      reconnect().catch((error: unknown) => {
        log.warn({ err: error }, 'Listening for notifications is not possible yet; trying again.');
        reconnectLater();
      });
    }, retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };
  const reconnect = async () => {
    if (client || closed) return;
    const next = await connect();
    if (closed) return next.end();
    for (const handler of reconnectHandlers) handler();
  };

  await connect();

  return {
    async listen(channel, handler) {
      const known = handlers.get(channel);
      const set = known ?? new Set();
      handlers.set(channel, set.add(handler));
      // Without a client the reconnection under way listens to it.
      if (!known) await client?.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
      return () => set.delete(handler);
    },
    onReconnect(handler) {
      reconnectHandlers.add(handler);
      return () => reconnectHandlers.delete(handler);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end();
    },
  };
}
