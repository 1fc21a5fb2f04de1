/**
 * An iteration that ends at once when its consumer leaves it. A generator that waits for its next item would hear of that only once it has one, so `leave` has to end
 * the wait.
 */
export function leavable<Item>(
  items: AsyncGenerator<Item, void, void>,
  leave: () => void,
): AsyncIterableIterator<Item, void, void> {
  return {
    next: () => items.next(),
    return: () => {
      leave()
      return items.return()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
