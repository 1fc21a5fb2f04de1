/** What this store has saved last under the key of an entity's newest snapshot. */
export interface Saved {
  readonly revision: number
  readonly seqNo: number
  /** The seqNos of the older snapshots that are kept, newest first. */
  readonly older: readonly number[]
}

const MAX_SAVES = 65_536

/** The last saves of this store, so that the next one need not read what it replaces. What it remembers may be outdated: the swap tells. */
export class RecentSaves {
  readonly #saves = new Map<string, Saved>()

  /** What was saved last under a key; it is remembered no longer. */
  take(key: string): Saved | undefined {
    const saved = this.#saves.get(key)
    this.#saves.delete(key)
    return saved
  }

  set(key: string, saved: Saved): void {
    this.#saves.set(key, saved)
    if (this.#saves.size <= MAX_SAVES) return
    const [oldest] = this.#saves.keys()
    if (oldest !== undefined) this.#saves.delete(oldest)
  }
}
