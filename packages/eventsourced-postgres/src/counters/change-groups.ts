import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasCode, UncertainError } from 'eventsourced'
import type { CounterChange, CounterInstance } from 'eventsourced/counters'
import type { Row } from '../database/statement.js'

/** A change as it was asked for. */
export interface AskedChange {
  readonly instance: CounterInstance
  readonly key: string
  readonly change: CounterChange
  readonly changeId: string
}

/** Makes changes in one transaction: answers with a row each, in their order. */
export type SendChanges = (changes: readonly AskedChange[]) => Promise<readonly Row[]>

interface Waiting {
  readonly asked: AskedChange
  /** By what it is locked. */
  readonly name: string
  readonly resolve: (row: Row) => void
  readonly reject: (error: unknown) => void
}

/** So that nobody waits for long behind a group, and no other process for its keys. */
const MAX_CHANGES = 500

/**
 * Sends changes in groups, one group at a time: while it commits, the next one forms. A change that comes alone goes alone, at once.
 *
 * The keys of a group are locked one after another and held to its commit. So all processes send them in the same order, that of their names. Several
 * changes of a key, by different instances of this process, go one after another.
 */
export class ChangeGroups {
  readonly #send: SendChanges
  #waiting: Waiting[] = []
  #isSending = false

  constructor(send: SendChanges) {
    this.#send = send
  }

  /** Answers with the change's row, or fails as its group does. */
  add(asked: AskedChange): Promise<Row> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, name: `${asked.instance.namespace} ${asked.key}`, resolve, reject })
      if (!this.#isSending) void this.#sendAll()
    })
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup()
      await this.#sendGroup(group)
      // So that all who were answered, and call again, get into the next group: else each would be followed by a group of one.
      if (group.length > 1) await nextTurn()
    }
    this.#isSending = false
  }

  /** One change a key, in the order of their names. What is left keeps its order. */
  #nextGroup(): readonly Waiting[] {
    const group = new Map<string, Waiting>()
    this.#waiting = this.#waiting.filter((waiting) => {
      if (group.size >= MAX_CHANGES || group.has(waiting.name)) return true
      group.set(waiting.name, waiting)
      return false
    })
    return [...group.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  async #sendGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.#send(group.map(({ asked }) => asked))
      for (const [index, { resolve, reject }] of group.entries()) {
        const row = rows[index]
        if (row === undefined) reject(new UncertainError('the server has answered fewer changes than it was sent'))
        else resolve(row)
      }
    } catch (error) {
      // Nothing of the group is made, and only one of them may be to blame: it is to fail alone.
      if (group.length > 1 && hasCode(error, 'REFUSED')) {
        for (const one of group) await this.#sendGroup([one])
      } else {
        for (const { reject } of group) reject(error)
      }
    }
  }
}
