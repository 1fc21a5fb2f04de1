import type { Logger } from 'pino'
import { Waker } from '../lease/waker.js'
import { watched } from '../lease/watched.js'
import type { OffsetStore } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'
import { changeRegistry, type Order, readRegistry, type Request, versionOf, withVersion } from './registry.js'

/** How often the registry is looked at where it can't be watched, or a change was not told, in milliseconds. */
const LOOK_MS = 1_000
/** How many names of members are kept, the newest: no more than 64 have slices. */
const MAX_RESTING = 256

/** What all processes of a projection are asked to do, as far as this one has heard. */
export class Orders {
  readonly #store: OffsetStore
  readonly #key: ProjectionKey
  readonly #logger: Logger
  readonly #onChange: () => void
  readonly #waker = new Waker()
  #order: Order | undefined
  #requests: readonly Request[] = []
  #resting: readonly string[] = []
  /** How often the registry was asked, and which of the answers was heard last. */
  #asked = 0
  #heard = 0
  #ended = false
  readonly #running: Promise<void>

  constructor(store: OffsetStore, key: ProjectionKey, { logger, onChange }: { logger: Logger; onChange: () => void }) {
    this.#store = store
    this.#key = key
    this.#logger = logger
    this.#onChange = onChange
    this.#running = this.#run()
  }

  /** Nothing until it was heard for the first time. */
  get order(): Order | undefined {
    return this.#order
  }

  /** The requests for a slice, the oldest first. */
  of(slice: number): readonly Request[] {
    return this.#requests.filter((request) => request.slice === slice)
  }

  /** Takes requests that were carried out off the list. The slices' records say so, too, where this fails. */
  async tick(done: readonly Request[]): Promise<void> {
    if (done.length === 0) return
    const ids = new Set(done.map(({ id }) => id))
    const isLeft = ({ id }: Request) => !ids.has(id)
    const { version } = this.#key
    await changeRegistry(this.#store, this.#key.name, (registry) =>
      withVersion(registry, version, (registered) => {
        const requests = registered.requests.filter(isLeft)
        return requests.length === registered.requests.length ? registered : { ...registered, requests }
      }),
    )
    this.#requests = this.#requests.filter(isLeft)
    this.#logger.info({ requests: done }, 'requests were carried out')
  }

  /** Says that a member handles nothing, now that all are to pause. */
  async rest(member: string | undefined): Promise<void> {
    if (member === undefined || this.#resting.includes(member)) return
    await changeRegistry(this.#store, this.#key.name, (registry) =>
      withVersion(registry, this.#key.version, (registered) => {
        const { order, resting = [] } = registered
        if (order !== 'pause' || resting.includes(member)) return registered
        return { ...registered, resting: [...resting, member].slice(-MAX_RESTING) }
      }),
    )
    this.#resting = [...this.#resting, member]
  }

  async stop(): Promise<void> {
    this.#ended = true
    this.#waker.wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const watching = watched(this.#logger, () => this.#store.watch?.(this.#key.name, () => this.#waker.wake()))
    while (!this.#ended) {
      try {
        await this.look()
      } catch (error) {
        this.#logger.warn({ err: error }, 'what the projection is asked to do could not be read')
      }
      if (!this.#ended) await this.#waker.wait(LOOK_MS)
    }
    watching?.stop()
  }

  /**
   * Looks at the registry, which may have changed since it was heard of. Who carries out a request looks at it before: what another process has carried
   * out is no longer there, but for the one that the slice's record names.
   *
   * @throws the store's errors
   */
  async look(): Promise<void> {
    this.#asked += 1
    const nth = this.#asked
    const { registry } = await readRegistry(this.#store, this.#key.name)
    // A later answer was quicker.
    if (nth < this.#heard) return
    this.#heard = nth
    const registered = versionOf(registry, this.#key)
    // One that was removed must not come back by going on.
    const order = registered?.order ?? 'stop'
    const requests = registered?.requests ?? []
    const isNew = order !== this.#order || requests.some(({ id }) => this.#requests.every((known) => known.id !== id))
    this.#order = order
    this.#requests = requests
    this.#resting = registered?.resting ?? []
    if (isNew) this.#onChange()
  }
}
