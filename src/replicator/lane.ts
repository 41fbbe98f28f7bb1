/** Runs actions beside each other, up to a limit; the first failure is the one that callers see. */
export interface Lane {
  /** Starts the action at once, over the limit too: for work that has come already. */
  add(action: () => Promise<void>): void;
  /** Waits until fewer than the limit are running. Throws the first failure of an earlier one. */
  room(): Promise<void>;
  /** Waits for room, then starts the action and returns. */
  start(action: () => Promise<void>): Promise<void>;
  /** Waits for all that were started and throws the first failure. */
  drain(): Promise<void>;
}

/** A lane for at most `limit` actions at a time. `onFailure` is called once, at the first failure. */
export function createLane(limit: number, onFailure: () => void = () => {}): Lane {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];

  async function run(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      failures.push(error);
      if (failures.length === 1) onFailure();
    }
  }

  function throwFailure(): void {
    if (failures.length > 0) throw failures[0];
  }

  const lane: Lane = {
    add(action) {
      const promise: Promise<void> = run(action).then(() => {
        running.delete(promise);
      });
      running.add(promise);
    },
    async room() {
      while (running.size >= limit) await Promise.race(running);
      throwFailure();
    },
    async start(action) {
      await lane.room();
      lane.add(action);
    },
    async drain() {
      while (running.size > 0) await Promise.all(running);
      throwFailure();
    },
  };
  return lane;
}
