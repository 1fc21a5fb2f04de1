import type { EntityKey } from '../log/entity-key.js'
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
} from '../log/evt-log.js'
import { Faults } from './faults.js'

/** The calls of a log that can be made to fail. */
export type EvtLogOperation = 'persist' | 'head' | 'headPosition' | 'evtsById' | 'evtsByType' | 'ids' | 'deleteEvts'

/** Changes what a read answers with, to play a log that is broken. */
export type Alter = (evts: AsyncIterable<PersistedEvt>) => AsyncIterable<PersistedEvt>

/**
 * A log that fails on request, for tests of what runs on it. Everything else goes through to the log it wraps.
 *
 * @example
 * const log = new FaultyEvtLog(new MemoryEvtLog())
 * log.faults.fail('persist', { when: 'after', error: new UncertainError('the answer was lost') })
 */
export class FaultyEvtLog implements EvtLog {
  /** What is to go wrong next. A read can fail before its first event only. */
  readonly faults = new Faults<EvtLogOperation>()
  readonly #log: EvtLog
  #alter: Alter | undefined

  constructor(log: EvtLog) {
    this.#log = log
  }

  get durable(): boolean {
    return this.#log.durable ?? true
  }

  /** Changes what all reads by id answer with from now on; without an argument, no longer. */
  alterEvtsById(alter?: Alter): void {
    this.#alter = alter
  }

  persist(append: Append): Promise<Persisted> {
    return this.faults.run('persist', () => this.#log.persist(append))
  }

  head(key: EntityKey): Promise<LogHead> {
    return this.faults.run('head', () => this.#log.head(key))
  }

  headPosition(options?: HeadPositionOptions): Promise<number> {
    return this.faults.run('headPosition', () => this.#log.headPosition(options))
  }

  async *evtsById(key: EntityKey, options?: EvtsByIdOptions): AsyncIterable<PersistedEvt> {
    const evts = await this.faults.run('evtsById', async () => this.#log.evtsById(key, options))
    yield* this.#alter?.(evts) ?? evts
  }

  async *evtsByType(typeName: string, options?: EvtsByTypeOptions): AsyncIterable<PersistedEvt> {
    yield* await this.faults.run('evtsByType', async () => this.#log.evtsByType(typeName, options))
  }

  async *ids(typeName: string, options?: IdsOptions): AsyncIterable<string> {
    yield* await this.faults.run('ids', async () => this.#log.ids(typeName, options))
  }

  deleteEvts(key: EntityKey, toSeqNo: number): Promise<void> {
    return this.faults.run('deleteEvts', () => this.#log.deleteEvts(key, toSeqNo))
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
