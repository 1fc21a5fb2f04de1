import { setMaxListeners } from 'node:events'
import { paged, type Paged, RefusedError } from 'eventsourced'

type Read<Item> = (signal: AbortSignal) => AsyncGenerator<Item, void, void>

/**
 * The reads of a log that are under way. Each ends when its consumer is done with it, when its signal fires, whose reason it throws, or
 * when the log is closed; and then it holds nothing any more, whether its consumer asks again or not.
 */
export class OpenReads {
  readonly #open = new Set<{ close(reason: Error): Promise<void> }>()
  readonly #refuseIfClosed: () => void
  readonly #closedError: () => Error

  constructor(refuseIfClosed: () => void, closedError = (): Error => new RefusedError('closed', 'the log is closed')) {
    this.#refuseIfClosed = refuseIfClosed
    this.#closedError = closedError
  }

  get count(): number {
    return this.#open.size
  }

  /** An iteration over a read, which begins when its first item is asked for. */
  iterate<Item>(signal: AbortSignal | undefined, read: Read<Item>): AsyncIterable<Item> {
    return { [Symbol.asyncIterator]: () => this.#openRead(signal, read) }
  }

  /** The same of a read that gives many items at once. */
  iteratePages<Item>(signal: AbortSignal | undefined, read: Read<readonly Item[]>): Paged<Item> {
    return paged<Item>(() => this.#openRead(signal, read))
  }

  #openRead<Item>(signal: AbortSignal | undefined, read: Read<Item>): OpenRead<Item> {
    const open = new OpenRead(signal, read, {
      begin: () => {
        this.#refuseIfClosed()
        this.#open.add(open)
      },
      end: () => void this.#open.delete(open),
    })
    return open
  }

  /** Ends all, and waits until they have let go of what they held. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((read) => read.close(this.#closedError())))
  }
}

class OpenRead<Item> implements AsyncIterator<Item, void, void> {
  readonly #signal: AbortSignal | undefined
  readonly #hooks: { readonly begin: () => void; readonly end: () => void }
  readonly #stop = new AbortController()
  readonly #items: AsyncGenerator<Item, void, void>
  readonly #onAbort = () => void this.#end(this.#signal?.reason)
  #state: 'new' | 'open' | 'over' = 'new'

  constructor(signal: AbortSignal | undefined, read: Read<Item>, hooks: { begin: () => void; end: () => void }) {
    this.#signal = signal
    this.#hooks = hooks
    // One read may wait for many answers at once.
    setMaxListeners(0, this.#stop.signal)
    this.#items = read(this.#stop.signal)
  }

  async next(): Promise<IteratorResult<Item, void>> {
    if (this.#state === 'new') this.#begin()
    try {
      this.#stop.signal.throwIfAborted()
      const result = await this.#items.next()
      if (result.done === true) await this.#end(undefined)
      return result
    } catch (error) {
      await this.#end(error)
      throw error
    }
  }

  /** Whether it was ended: then `next` throws why. */
  get isEnded(): boolean {
    return this.#stop.signal.aborted
  }

  async return(): Promise<IteratorResult<Item, void>> {
    await this.#end(new RefusedError('closed', 'the read was left'))
    return { done: true, value: undefined }
  }

  async close(reason: Error): Promise<void> {
    await this.#end(reason)
  }

  #begin(): void {
    this.#signal?.throwIfAborted()
    this.#hooks.begin()
    this.#state = 'open'
    this.#signal?.addEventListener('abort', this.#onAbort)
  }

  /** If the read waits it sees the signal and ends; else it is returned from where it stands. */
  async #end(reason: unknown): Promise<void> {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#hooks.end()
    if (reason !== undefined) this.#stop.abort(reason)
    await this.#items.return()
  }
}
