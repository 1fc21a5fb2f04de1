import { EventSourcedError, type PersistedEvt, UnavailableError } from 'eventsourced'
import type { Backend, Page } from './decode-page.js'

/** An event that a read knows to be in the log. */
export interface Mark {
  readonly id: string
  readonly seqNo: number
  readonly position: number
  readonly appendId: string
}

/** What was found where an event was looked for: it, or the next one of its entity; and that entity's head. */
export interface Found {
  readonly evt: Omit<Mark, 'id'> | undefined
  readonly head: Omit<Mark, 'id'> | undefined
  /** Whether the server is a replica, to which the event may still come. */
  readonly isReplica: boolean
  readonly backend: Backend
}

/** How a read asks for what it needs. A place is a seqNo or a position, whatever the read goes by. */
export interface Source {
  readonly page: (after: number) => Promise<Page>
  readonly placeOf: (evt: PersistedEvt) => number
  /** An event from which it can be told whether the log still reaches up to a place. */
  readonly markAt: (place: number) => Promise<{ readonly mark: Mark | undefined; readonly backend: Backend }>
  readonly lookFor: (mark: Mark) => Promise<Found>
}

/** How many backends are remembered: one that was forgotten is looked at anew. */
const MAX_BACKENDS = 1_000

/**
 * The pages of one read, all of them of the log in which it began. A server that takes over from another one may lack the last events, and hands out their
 * positions again: a read that went on behind them would never see the new ones. So the first page that comes from another backend is taken only when the event that
 * was read last is found to be there still.
 */
export class Pages {
  readonly #source: Source
  #server = ''
  readonly #pids = new Set<string>()
  #mark: Mark | undefined
  /** Where to look for the first mark, if the read is to have one before it has read anything. */
  #beginsAt: number

  /** @param beginsAt the place that is taken to be read already, if what is lost before it is to be noticed, too; else 0 */
  constructor(source: Source, beginsAt: number) {
    this.#source = source
    this.#beginsAt = beginsAt
  }

  /**
   * The page behind a place.
   *
   * @throws {EventSourcedError} `LOG_LOST_EVENTS`: the log no longer has what was read
   * @throws {RefusedError | UnavailableError} or the signal's reason
   */
  async page(after: number): Promise<Page> {
    try {
      if (this.#beginsAt > 0) await this.#begin()
      for (;;) {
        const page = await this.#source.page(after)
        if ((await this.#isTrusted(page.backend)) && (await this.#moveOn(page, after))) return page
      }
    } catch (error) {
      // Whoever answers next may be another.
      this.#pids.clear()
      throw error
    }
  }

  async #begin(): Promise<void> {
    const { mark, backend } = await this.#source.markAt(this.#beginsAt)
    this.#beginsAt = 0
    this.#mark = mark
    this.#remember(backend)
  }

  /** Whether a backend that has answered is known, or is found to have the log of which was read. */
  async #isTrusted(backend: Backend): Promise<boolean> {
    if (this.#knows(backend)) return true
    if (this.#mark === undefined) this.#remember(backend)
    else {
      const found = await this.#source.lookFor(this.#mark)
      checkFound(this.#mark, found)
      this.#remember(found.backend)
    }
    return this.#knows(backend)
  }

  /** Marks how far the page goes. Answers false where that is not sure, and the page is to be read again. */
  async #moveOn({ evts, through }: Page, after: number): Promise<boolean> {
    if (through === after) return true
    const last = evts.at(-1)
    if (last !== undefined && this.#source.placeOf(last) === through) {
      const { key, seqNo, position, appendId } = last
      this.#mark = { id: key.id, seqNo, position, appendId }
      return true
    }
    // It ends with what is not given: a tombstone, or an event of another slice.
    const { mark, backend } = await this.#source.markAt(through)
    if (!this.#knows(backend)) {
      await this.#isTrusted(backend)
      return false
    }
    this.#mark = mark ?? this.#mark
    return true
  }

  #knows({ server, pid }: Backend): boolean {
    return server === this.#server && this.#pids.has(pid)
  }

  #remember({ server, pid }: Backend): void {
    if (server !== this.#server || this.#pids.size === MAX_BACKENDS) this.#pids.clear()
    this.#server = server
    this.#pids.add(pid)
  }
}

/** Checks that an event is still there, or was deleted since, of which its entity's head tells: it is newer, and outlives the deletion. */
function checkFound(mark: Mark, { evt, head, isReplica }: Found): void {
  const what = `event ${mark.seqNo} of ${mark.id}, of append ${mark.appendId} at position ${mark.position}, was read`
  const isThere = evt?.seqNo === mark.seqNo
  if (isThere && evt.appendId === mark.appendId && evt.position === mark.position) return
  if (!isThere && head !== undefined && head.seqNo > mark.seqNo && head.position > mark.position) return
  if (!isThere && isReplica) throw new UnavailableError(`${what}, and has not come to the replica that answers now`)
  const now = isThere ? `append ${evt.appendId} at position ${evt.position} has its place` : 'it is gone'
  throw new EventSourcedError('LOG_LOST_EVENTS', `${what}, and now ${now}: the log lost events. Restore it`)
}
