import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EntityKey,
  type EvtsByIdOptions,
  type EvtsByTypeOptions,
  hasCode,
  type LogHead,
  type PersistedEvt,
  RefusedError,
  sliceOf,
} from 'eventsourced'
import type { Logger } from 'pino'
import { ask } from '../database/ask.js'
import type { Database } from '../database/database.js'
import type { Listener } from '../database/listener.js'
import type { Parameter, Row, Statement } from '../database/statement.js'
import { sliceTopic } from '../database/waiters.js'
import { decodePage, type Page } from './decode-page.js'
import { type LiveReading, type Reading, readLive, readPages } from './read.js'
import type { EvtLogStatements } from './statements.js'

/** What reads work with. */
export interface ReadsOptions {
  readonly database: Database
  readonly statements: EvtLogStatements
  readonly listener: Listener
  readonly readTimeoutMs: number
  readonly pollIntervalMs: number
  readonly logger: Logger
}

/** How much a page has: two of them are in memory at a time. */
const PAGE = { rows: 1_000, bytes: 2 * 1_048_576 }
/** Of some slices only a page looks at more rows, of which it takes but a few. */
const ROWS_OF_SLICES = 8_000
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const RETRY_MS = 250
/** Why a read is over whose consumer has left; nobody sees it. A reason that is not given would be made, with its stack, for each read. */
const LEFT = 'the consumer has left'

type EvtPages = AsyncGenerator<readonly PersistedEvt[], unknown, void>
type Live = Pick<LiveReading, 'to' | 'isComplete'>

/** The reads of a log. Each page is one statement, on a connection that is given back before its events are consumed. */
export class Reads {
  readonly #options: ReadsOptions
  readonly #open = new Set<AbortController>()
  #closed: RefusedError | undefined

  constructor(options: ReadsOptions) {
    this.#options = options
  }

  async head({ typeName, id }: EntityKey, signal?: AbortSignal): Promise<LogHead> {
    const [row] = await this.#ask('reading a head', this.#options.statements.entityHead, [typeName, id], signal)
    if (row === undefined) return { seqNo: 0, position: 0, appendId: '' }
    return { seqNo: Number(row[0]), position: Number(row[1]), appendId: row[2] ?? '' }
  }

  async headPosition(): Promise<number> {
    const [row] = await this.#ask('reading the head position', this.#options.statements.headPosition, [])
    return Number(row?.[0])
  }

  byId(key: EntityKey, options: EvtsByIdOptions): AsyncIterable<PersistedEvt> {
    const { from = 1, to = Number.MAX_SAFE_INTEGER, live = false } = options
    const after = Math.max(from, 1) - 1
    return this.#read(options.signal, (signal) => {
      if (after >= to) return nothing()
      const page = (after: number): Promise<Page> => this.#pageById(key, { after, to, signal })
      const isComplete = async (): Promise<boolean> =>
        options.to !== undefined && (await this.#patiently(() => this.head(key, signal), signal)).seqNo >= to
      return live
        ? this.#live(sliceTopic(key.typeName, sliceOf(key.id)), { page, after, signal }, { to, isComplete })
        : readPages({ page, after, signal })
    })
  }

  byType(typeName: string, { after = 0, live = false, slice, signal }: EvtsByTypeOptions): AsyncIterable<PersistedEvt> {
    const slices = slice === undefined ? null : `{${slice.join(',')}}`
    const noSlices = slice?.length === 0
    return this.#read(signal, (signal) => {
      if (noSlices) return nothing()
      const page = (after: number): Promise<Page> => this.#pageByType(typeName, { after, slices, signal })
      const isComplete = (): Promise<boolean> => Promise.resolve(false)
      return live
        ? this.#live(typeName, { page, after, signal }, { to: Infinity, isComplete })
        : readPages({ page, after, signal })
    })
  }

  ids(typeName: string, signal: AbortSignal | undefined): AsyncIterable<string> {
    return this.#read(signal, (signal) => this.#ids(typeName, signal))
  }

  async *#ids(typeName: string, signal: AbortSignal): AsyncGenerator<readonly string[], void, void> {
    let before: [id: string, seqNo: number] = [HIGHEST_ID, Number.MAX_SAFE_INTEGER]
    for (;;) {
      const values = [typeName, ...before, PAGE.rows]
      const rows = await this.#ask('reading ids', this.#options.statements.entityIds, values, signal)
      signal.throwIfAborted()
      yield rows.flatMap(([id, hasEvts]) => (id != null && hasEvts === 't' ? [id] : []))
      const last = rows.at(-1)?.[0]
      if (last == null || rows.length < PAGE.rows) return
      before = [last, 0]
    }
  }

  /** Ends all reads, and those that come later. */
  close(reason: RefusedError): void {
    this.#closed = reason
    for (const over of this.#open) over.abort(reason)
  }

  /**
   * Runs a read on a signal of its own, which fires when the caller's does, when the log closes, and when the consumer leaves. What it reads comes by the page
   * and is given one by one: each generator that an item passes through takes longer than the item.
   */
  async *#read<Item>(
    signal: AbortSignal | undefined,
    read: (signal: AbortSignal) => AsyncGenerator<readonly Item[], unknown, void>,
  ): AsyncGenerator<Item, void, void> {
    signal?.throwIfAborted()
    if (this.#closed !== undefined) throw this.#closed
    const over = new AbortController()
    const onAbort = (): void => over.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    this.#open.add(over)
    try {
      for await (const page of read(over.signal)) {
        for (const item of page) {
          over.signal.throwIfAborted()
          yield item
        }
      }
    } finally {
      this.#open.delete(over)
      signal?.removeEventListener('abort', onAbort)
      over.abort(LEFT)
    }
  }

  #live(topic: string, reading: Reading, live: Live): EvtPages {
    const { listener, pollIntervalMs } = this.#options
    const { signal } = reading
    const page = (after: number): Promise<Page> => this.#patiently(() => reading.page(after), signal)
    return readLive({ ...reading, ...live, page, pollIntervalMs, watch: listener.watch(topic) })
  }

  /** A live read survives that the database can't be reached for a while. */
  async #patiently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (!hasCode(error, 'UNAVAILABLE')) throw error
        this.#options.logger.warn({ error: error.message }, 'a live read has to wait')
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }

  async #pageById(
    key: EntityKey,
    { after, to, signal }: { readonly after: number; readonly to: number; readonly signal: AbortSignal },
  ): Promise<Page> {
    const values = [key.typeName, key.id, after + 1, to, PAGE.rows, PAGE.bytes]
    const [row] = await this.#ask('reading events by id', this.#options.statements.evtsById, values, signal)
    return decodePage(row, after, () => key)
  }

  async #pageByType(
    typeName: string,
    { after, slices, signal }: { readonly after: number; readonly slices: string | null; readonly signal: AbortSignal },
  ): Promise<Page> {
    const values = [typeName, after, slices, slices === null ? PAGE.rows : ROWS_OF_SLICES, PAGE.bytes]
    const [row] = await this.#ask('reading events by type', this.#options.statements.evtsByType, values, signal)
    return decodePage(row, after, (id) => ({ typeName, id }))
  }

  #ask(doing: string, statement: Statement, values: Parameter[], signal?: AbortSignal): Promise<Row[]> {
    const { database, readTimeoutMs } = this.#options
    return ask(database.readers, { timeoutMs: readTimeoutMs, signal }, { doing, statement, values })
  }
}

async function* nothing(): AsyncGenerator<readonly PersistedEvt[], void, void> {}
