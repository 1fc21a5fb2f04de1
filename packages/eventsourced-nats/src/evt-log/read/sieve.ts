/** After how many messages it is judged anew who picks. */
const JUDGED_EVERY = 1_024
/** At or above this share of wanted messages all are read; the server takes over below the other. Between them nothing changes, lest it flap. */
const READ_ALL = { from: 1 / 2, to: 1 / 4 }

/** Which of a stream's messages are wanted. */
export interface Wanted {
  readonly isWanted: (subject: string) => boolean
  /** How large a share of all they are at most, before any is read. */
  readonly share: number
}

/**
 * Who picks the wanted messages out of the stream. The server takes 17 to 80 µs for a message that it has filtered for, and 3 for one that it has
 * not: where a quarter or more is wanted it is cheaper for all to read everything and to pass over the rest here.
 */
export class Sieve {
  readonly #subjects: readonly string[]
  readonly #isWanted: ((subject: string) => boolean) | undefined
  #readsAll: boolean
  #count = 0
  #wanted = 0
  #since: number

  /** @param wanted as in {@link Following}: without it the server always picks */
  constructor(subjects: readonly string[], after: number, wanted?: Wanted) {
    this.#subjects = subjects
    this.#isWanted = wanted?.isWanted
    this.#readsAll = wanted !== undefined && wanted.share >= READ_ALL.to
    this.#since = after
  }

  /** What a consumer is to filter for; nothing if it is to give all. */
  get filter(): readonly string[] {
    return this.#readsAll ? [] : this.#subjects
  }

  /** Whether a message is wanted; each must be asked for once, in order. */
  wants(subject: string): boolean {
    const isWanted = !this.#readsAll || this.#isWanted === undefined || this.#isWanted(subject)
    this.#count += 1
    if (isWanted) this.#wanted += 1
    return isWanted
  }

  /** Judges after the message at a sequence whether another consumer, with what is now the filter, should take over. */
  hasTurned(seq: number): boolean {
    if (this.#isWanted === undefined || this.#count < JUDGED_EVERY) return false
    // What is deleted counts as not wanted where the server picks.
    const share = this.#wanted / (this.#readsAll ? this.#count : seq - this.#since)
    this.#count = 0
    this.#wanted = 0
    this.#since = seq
    const readsAll = share >= (this.#readsAll ? READ_ALL.to : READ_ALL.from)
    if (readsAll === this.#readsAll) return false
    this.#readsAll = readsAll
    return true
  }
}
