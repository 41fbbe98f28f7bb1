/** Something done at most once in a while, however often it is asked for. */
export interface Throttle {
  /** Asks for the action: at once when it has been quiet, else together with what else is asked for meanwhile. */
  request(): void;
  /** Takes no more requests and waits for the action under way. */
  close(): Promise<void>;
}

/** The action never runs twice at the same time. `onError` gets what it throws; the next request tries again. */
export function throttle(options: {
  intervalMs: number;
  action: () => Promise<void>;
  onError: (error: unknown) => void;
}): Throttle {
  let running: Promise<void> | undefined;
  let rest: NodeJS.Timeout | undefined;
  let wanted = false;
  let closed = false;

  const run = async () => {
    try {
      await options.action();
    } catch (error) {
      options.onError(error);
    }
    running = undefined;
    if (closed) return;
    rest = setTimeout(() => {
      rest = undefined;
      if (wanted) start();
    }, options.intervalMs);
    rest.unref();
  };
  const start = () => {
    wanted = false;
    running = run();
  };

  return {
    request() {
      if (closed) return;
      wanted = true;
      if (!running && !rest) start();
    },
    async close() {
      closed = true;
      clearTimeout(rest);
      await running;
    },
  };
}
