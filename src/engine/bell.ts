/** What a loop sleeps on: one timer, cut short by a ring. */
export interface Bell {
  /** Ends the sleep under way, or the next one at once. */
  ring(): void;
  /** Sleeps for so long, or until the bell rings. */
  sleep(ms: number): Promise<void>;
}

export function createBell(): Bell {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      hasRung = true;
      wake?.();
    },
    async sleep(ms) {
      if (!hasRung) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, ms);
        await promise;
        clearTimeout(timer);
        wake = undefined;
      }
      hasRung = false;
    },
  };
}
