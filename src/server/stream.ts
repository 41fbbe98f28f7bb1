import type { ExecutionResult, GraphQLError } from 'graphql';

/** A subscription's answers, which the server can end at any time. */
export interface GuardedStream {
  stream: AsyncGenerator<ExecutionResult, void, undefined>;
  /** Ends the stream with an error, at once, even while it waits for its next event. */
  end(error: GraphQLError): void;
}

/** How a stream tells of an error: a WebSocket has a message for it, which is sent when the stream throws; SSE sends a last result. */
export type FailureForm = 'throw' | 'result';

/**
 * Watches over the results of one subscription: translates errors, and ends at once when told to or when the client leaves. A
 * generator function could do neither: it answers `return` only after the event that it waits for.
 */
export function guardStream(
  source: AsyncIterable<ExecutionResult>,
  options: { failure: FailureForm; translate(error: unknown): GraphQLError; onClosed(): void },
): GuardedStream {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  let waiting:
    | { resolve(result: IteratorResult<ExecutionResult, void>): void; reject(error: unknown): void }
    | undefined;
  let unseenError: GraphQLError | undefined;

  function close(): void {
    if (isOver) return;
    isOver = true;
    options.onClosed();
  }

  /** Tells the source that nobody listens any more. What it throws while it leaves has nobody to be told to. */
  function leaveSource(): void {
    if (isOver) return;
    close();
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  }

  function settle(): typeof waiting {
    const settled = waiting;
    waiting = undefined;
    return settled;
  }

  function fail(error: GraphQLError): void {
    const reader = settle();
    if (reader === undefined) unseenError = error;
    else if (options.failure === 'throw') reader.reject(error);
    else reader.resolve({ done: false, value: { errors: [error] } });
  }

  const stream: GuardedStream['stream'] = {
    next() {
      return new Promise((resolve, reject) => {
        if (unseenError !== undefined) {
          const error = unseenError;
          unseenError = undefined;
          waiting = { resolve, reject };
          fail(error);
        } else if (isOver) resolve({ done: true, value: undefined });
        else {
          waiting = { resolve, reject };
          iterator.next().then(
            (result) => {
              if (result.done) close();
              settle()?.resolve(
                result.done ? { done: true, value: undefined } : { done: false, value: translated(result.value) },
              );
            },
            (error: unknown) => {
              if (isOver) return;
              close();
              fail(options.translate(error));
            },
          );
        }
      });
    },
    async return() {
      leaveSource();
      settle()?.resolve({ done: true, value: undefined });
      return { done: true, value: undefined };
    },
    async throw(error) {
      leaveSource();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return stream;
    },
    async [Symbol.asyncDispose]() {
      leaveSource();
    },
  };

  function translated(result: ExecutionResult): ExecutionResult {
    return result.errors === undefined ? result : { ...result, errors: result.errors.map(options.translate) };
  }

  return {
    stream,
    end(error) {
      if (isOver) return;
      leaveSource();
      fail(error);
    },
  };
}
