/**
 * A generator that ends at once when it is left, also while it waits: `stop` makes what it waits for end. A plain generator
 * cannot do that, because its `return` queues behind the `next` under way.
 */
export function endable<Item>(
  items: AsyncGenerator<Item, void, undefined>,
  stop: AbortController,
): AsyncGenerator<Item, void, undefined> {
  const end = async (): Promise<IteratorResult<Item, void>> => {
    stop.abort();
    return items.return();
  };
  return {
    next: () => items.next(),
    return: end,
    async throw(error) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}
