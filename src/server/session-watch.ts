import type { Logger } from 'pino';

/** Ends what is open for a session once that session no longer holds. */
export interface SessionWatch {
  /** Calls `onEnded` once when the session has ended; the function returned stops watching. */
  watch(sessionId: string, onEnded: () => void): () => void;
  close(): void;
}

/**
 * Asks for all sessions with open subscriptions together, in one statement each half second, and only while there are any: a
 * session revoked by any process on any machine is noticed within the second.
 */
export function createSessionWatch(options: {
  liveSessions(sessionIds: readonly string[]): Promise<Set<string>>;
  log: Logger;
  intervalMs?: number;
}): SessionWatch {
  const { liveSessions, log, intervalMs = 500 } = options;
  const watched = new Map<string, Set<() => void>>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function check(): Promise<void> {
    try {
      const asked = [...watched.keys()];
      const live = await liveSessions(asked);
      for (const sessionId of asked.filter((id) => !live.has(id))) {
        const listeners = watched.get(sessionId);
        watched.delete(sessionId);
        for (const onEnded of listeners ?? []) onEnded();
      }
    } catch (error) {
      // A database that is away ends no subscription: the question is asked again.
      log.warn({ err: error }, 'could not ask whether sessions with open subscriptions still hold');
    }
    timer = undefined;
    schedule();
  }

  function schedule(): void {
    if (isClosed || timer !== undefined || watched.size === 0) return;
    timer = setTimeout(() => void check(), intervalMs);
    timer.unref();
  }

  return {
    watch(sessionId, onEnded) {
      const listeners = watched.get(sessionId) ?? new Set();
      listeners.add(onEnded);
      watched.set(sessionId, listeners);
      schedule();
      return () => {
        listeners.delete(onEnded);
        if (listeners.size === 0 && watched.get(sessionId) === listeners) watched.delete(sessionId);
      };
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      watched.clear();
    },
  };
}
