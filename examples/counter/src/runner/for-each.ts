/**
 * Does something with each item, some at once, and waits for all that was begun. After an error nothing more is begun, and the signal given to
 * what is under way is aborted.
 *
 * @throws the first error
 */
export async function forEach<Item>(
  items: Iterable<Item>,
  atOnce: number,
  action: (item: Item, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const failure = new AbortController()
  const worker = async () => {
    for (let next = iterator.next(); !next.done && !failure.signal.aborted; next = iterator.next()) {
      try {
        await action(next.value, failure.signal)
      } catch (error) {
        failure.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  failure.signal.throwIfAborted()
}
