import type { EntityKey } from '../log/entity-key.js'
import type { Head, PersistedEvt } from '../log/evt-log.js'
import { CopyDiffersError } from './copy-differs-error.js'
import { compare } from './compare.js'
import { clearFillers } from './fill.js'
import type { PatientLog } from './patient-log.js'
import { Turnstile } from './turnstile.js'

/** How many entities are remembered: one that was forgotten is looked at anew. */
const MAX_HEADS = 100_000
/** How many entities are compared at once, and of how many events together: each has some pages of either log in memory. */
const MAX_COMPARED = 128
const MAX_COMPARED_EVTS = 16_000
const PAGE_EVTS = 1_000

type Range = { readonly from: number; readonly to: number; readonly signal?: AbortSignal }

/** How the entities stand in the log copied to. What stands there already is compared once with what it is a copy of. */
export class Targets {
  readonly #from: PatientLog
  readonly #to: PatientLog
  readonly #heads = new Map<string, Head>()
  readonly #comparing = new Turnstile({ count: MAX_COMPARED, weight: MAX_COMPARED_EVTS })

  constructor(from: PatientLog, to: PatientLog) {
    this.#from = from
    this.#to = to
  }

  /**
   * The head of an entity of which `evt` is the next event to be copied. All that is there from that event on is compared.
   *
   * @throws {CopyDiffersError}
   */
  async head(evt: PersistedEvt, signal: AbortSignal | undefined): Promise<Head> {
    const { key, seqNo } = evt
    const known = this.#heads.get(key.id)
    if (known !== undefined) return known
    let head: Head = await this.#to.head(key)
    if (head.seqNo >= seqNo) await this.#compare(key, { from: seqNo, to: head.seqNo, ...(signal && { signal }) })
    else if (head.seqNo > 0) head = await clearFillers(this.#to, key, head)
    this.moved(key, head)
    return head
  }

  /** Keeps in mind where an entity stands now. */
  moved({ id }: EntityKey, head: Head): void {
    this.#heads.delete(id)
    this.#heads.set(id, head)
    if (this.#heads.size <= MAX_HEADS) return
    const [oldest] = this.#heads.keys()
    if (oldest !== undefined) this.#heads.delete(oldest)
  }

  /** Has the entity looked at anew. */
  forget({ id }: EntityKey): void {
    this.#heads.delete(id)
  }

  async #compare(key: EntityKey, range: Range): Promise<void> {
    const evts = Math.min(range.to - range.from + 1, PAGE_EVTS)
    await this.#comparing.enter(evts)
    try {
      await this.#compareNow(key, range)
    } finally {
      this.#comparing.leave(evts)
    }
  }

  async #compareNow(key: EntityKey, range: Range): Promise<void> {
    const last = await compare(this.#from.evtsById(key, range), this.#to.evtsById(key, range))
    if (last === range.to) return
    const { seqNo } = await this.#from.head(key)
    if (seqNo < range.to) throw new CopyDiffersError(key, seqNo + 1, 'the log copied from has no such event')
  }
}
