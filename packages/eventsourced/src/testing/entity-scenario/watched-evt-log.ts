import { isForgotten } from '../../entity/forgotten.js'
import type { EntityKey } from '../../log/entity-key.js'
import type {
  Append,
  EvtLog,
  EvtsByIdOptions,
  EvtsByTypeOptions,
  HeadPositionOptions,
  IdsOptions,
  LogHead,
  Persisted,
  PersistedEvt,
} from '../../log/evt-log.js'

/** All events that entities ever had, also those that were deleted since. */
export class Archive {
  readonly #deleted = new Map<string, PersistedEvt[]>()
  readonly #forgottenAt = new Map<string, number[]>()

  /** Keeps the events that are about to be deleted. */
  async keep(log: EvtLog, key: EntityKey, toSeqNo: number): Promise<void> {
    const evts: PersistedEvt[] = []
    for await (const evt of log.evtsById(key, { to: toSeqNo })) evts.push(evt)
    this.#deleted.set(key.id, [...(this.#deleted.get(key.id) ?? []), ...evts])
  }

  /** Notes that an entity was forgotten. */
  forgotten({ id }: EntityKey, seqNo: number): void {
    this.#forgottenAt.set(id, [...(this.#forgottenAt.get(id) ?? []), seqNo])
  }

  /** Where an entity was forgotten last, as far as anybody was told; 0 if it never was. */
  lastForgottenAt({ id }: EntityKey): number {
    return Math.max(0, ...(this.#forgottenAt.get(id) ?? []))
  }

  /** All events of an entity in order. One that was seen twice is there once; all else is as the log has it, right or wrong. */
  async history(log: EvtLog, key: EntityKey): Promise<readonly PersistedEvt[]> {
    const evts = [...(this.#deleted.get(key.id) ?? [])]
    for await (const evt of log.evtsById(key)) evts.push(evt)
    const byPosition = new Map(evts.map((evt) => [evt.position, evt]))
    return [...byPosition.values()].sort((left, right) => left.seqNo - right.seqNo || left.position - right.position)
  }
}

/** The log of a process: the one given, with an eye on what is deleted and on what is still under way. What it does besides, any log may do. */
export class WatchedEvtLog implements EvtLog {
  readonly #log: EvtLog
  readonly #archive: Archive
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #inPart: (() => void)[] = []
  readonly #beforeNext: ((key: EntityKey) => Promise<void>)[] = []

  constructor(log: EvtLog, archive: Archive) {
    this.#log = log
    this.#archive = archive
  }

  get durable(): boolean {
    return this.#log.durable ?? true
  }

  /** Does something before the next append, such as writing to the same entity. */
  beforeNextAppend(action: (key: EntityKey) => Promise<void>): void {
    this.#beforeNext.push(action)
  }

  /** Stores only the first group of the next append that has several, as a log may, and does something once it is stored. */
  storeNextInPart(thenDo: () => void): void {
    this.#inPart.push(thenDo)
  }

  /** Resolves once no append is under way, also none that its sender has given up. */
  async quiet(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  async persist(append: Append): Promise<Persisted> {
    const persisted = this.#persist(append)
    this.#underWay.add(persisted)
    try {
      return await persisted
    } finally {
      this.#underWay.delete(persisted)
    }
  }

  async #persist(append: Append): Promise<Persisted> {
    await this.#beforeNext.shift()?.(append.key)
    const { groups } = append
    const thenDo = groups.length > 1 ? this.#inPart.shift() : undefined
    const persisted = await this.#log.persist(thenDo === undefined ? append : { ...append, groups: groups.slice(0, 1) })
    if (groups.some((group) => group.some(isForgotten))) this.#archive.forgotten(append.key, persisted.head.seqNo)
    thenDo?.()
    return persisted
  }

  async deleteEvts(key: EntityKey, toSeqNo: number): Promise<void> {
    await this.#archive.keep(this.#log, key, toSeqNo)
    await this.#log.deleteEvts(key, toSeqNo)
  }

  head(key: EntityKey): Promise<LogHead> {
    return this.#log.head(key)
  }

  headPosition(options?: HeadPositionOptions): Promise<number> {
    return this.#log.headPosition(options)
  }

  evtsById(key: EntityKey, options?: EvtsByIdOptions): AsyncIterable<PersistedEvt> {
    return this.#log.evtsById(key, options)
  }

  evtsByType(typeName: string, options?: EvtsByTypeOptions): AsyncIterable<PersistedEvt> {
    return this.#log.evtsByType(typeName, options)
  }

  ids(typeName: string, options?: IdsOptions): AsyncIterable<string> {
    return this.#log.ids(typeName, options)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
