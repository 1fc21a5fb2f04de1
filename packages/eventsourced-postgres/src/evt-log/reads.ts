import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EntityKey,
  type EvtsByIdOptions,
  type EvtsByTypeOptions,
  hasCode,
  type LogHead,
  paged,
  type Paged,
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
import type { Page } from './decode-page.js'
import { Leavable, LEFT } from './leavable.js'
import { Pages, type Source } from './pages.js'
import { type LiveReading, readLive, readPages } from './read.js'
import { evtsOfEntity, evtsOfType } from './sources.js'
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

/** How many ids are asked for at once. */
const IDS = 1_000
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const RETRY_MS = 250

type Read<Item> = (signal: AbortSignal) => AsyncGenerator<readonly Item[], unknown, void>
type EvtPages = ReturnType<Read<PersistedEvt>>
/** What a live read waits for. */
interface Live extends Pick<LiveReading, 'to' | 'isComplete'> {
  readonly topic: string
}

/** The reads of a log. Each page is one statement, on a connection that is given back before its events are consumed. */
export class Reads {
  readonly #options: ReadsOptions
  readonly #open = new Set<AbortController>()
  /** How many live reads wait for the database. */
  #waiting = 0
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
    return Number(row?.[1])
  }

  byId(key: EntityKey, options: EvtsByIdOptions): Paged<PersistedEvt> {
    const { from = 1, to = Number.MAX_SAFE_INTEGER, live = false } = options
    const after = Math.max(from, 1) - 1
    return this.#read(options.signal, (signal) => {
      if (after >= to) return nothing()
      const isComplete = async (): Promise<boolean> =>
        options.to !== undefined && (await this.#patiently(() => this.head(key, signal), signal)).seqNo >= to
      const topic = sliceTopic(key.typeName, sliceOf(key.id))
      const source = evtsOfEntity(this.#asking(signal), key, to)
      return this.#pages(source, { after, signal, ...(live && { live: { topic, to, isComplete } }) })
    })
  }

  byType(typeName: string, { after = 0, live = false, slice, signal }: EvtsByTypeOptions): Paged<PersistedEvt> {
    const slices = slice === undefined ? null : `{${slice.join(',')}}`
    return this.#read(signal, (signal) => {
      if (slice?.length === 0) return nothing()
      const isComplete = (): Promise<boolean> => Promise.resolve(false)
      const source = evtsOfType(this.#asking(signal), typeName, slices)
      return this.#pages(source, {
        after,
        signal,
        ...(live && { live: { topic: typeName, to: Infinity, isComplete } }),
      })
    })
  }

  ids(typeName: string, signal: AbortSignal | undefined): AsyncIterable<string> {
    return this.#read(signal, (signal) => this.#ids(typeName, signal))
  }

  async *#ids(typeName: string, signal: AbortSignal): AsyncGenerator<readonly string[], void, void> {
    let before: [id: string, seqNo: number] = [HIGHEST_ID, Number.MAX_SAFE_INTEGER]
    for (;;) {
      const values = [typeName, ...before, IDS]
      const rows = await this.#ask('reading ids', this.#options.statements.entityIds, values, signal)
      signal.throwIfAborted()
      yield rows.flatMap(([id, hasEvts]) => (id != null && hasEvts === 't' ? [id] : []))
      const last = rows.at(-1)?.[0]
      if (last == null || rows.length < IDS) return
      before = [last, 0]
    }
  }

  /** Ends all reads, and those that come later. */
  close(reason: RefusedError): void {
    this.#closed = reason
    for (const over of this.#open) over.abort(reason)
  }

  /** Runs a read on a signal of its own, which fires when the caller's does, when the log closes, and when the consumer leaves. */
  #read<Item>(signal: AbortSignal | undefined, read: Read<Item>): Paged<Item> {
    return paged<Item>(() => {
      const over = new AbortController()
      return new Leavable(this.#run(signal, over, read), over)
    })
  }

  async *#run<Item>(
    signal: AbortSignal | undefined,
    over: AbortController,
    read: Read<Item>,
  ): AsyncGenerator<readonly Item[], void, void> {
    signal?.throwIfAborted()
    if (this.#closed !== undefined) throw this.#closed
    const onAbort = (): void => over.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    this.#open.add(over)
    try {
      for await (const page of read(over.signal)) {
        over.signal.throwIfAborted()
        yield page
        over.signal.throwIfAborted()
      }
    } catch (error) {
      if (over.signal.reason !== LEFT) throw error
    } finally {
      this.#open.delete(over)
      signal?.removeEventListener('abort', onAbort)
      over.abort(LEFT)
    }
  }

  /** Reads page by page: what there is, or live. A live read is to notice, too, what is lost before it has read anything: it may wait for long. */
  #pages(
    source: Source,
    { after, signal, live }: { readonly after: number; readonly signal: AbortSignal; readonly live?: Live },
  ): EvtPages {
    const pages = new Pages(source, live === undefined ? 0 : after)
    if (live === undefined) return readPages({ page: (after) => pages.page(after), after, signal })
    const { listener, pollIntervalMs } = this.#options
    const { topic, ...rest } = live
    const page = (after: number): Promise<Page> => this.#patiently(() => pages.page(after), signal)
    return readLive({ page, after, signal, ...rest, pollIntervalMs, watch: listener.watch(topic) })
  }

  /** A live read survives that the database can't be reached for a while. However many there are, that is told once, and once when it is over. */
  async #patiently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { logger } = this.#options
    let waits = false
    try {
      for (;;) {
        try {
          const result = await read()
          if (waits && this.#waiting === 1) logger.info('live reads go on')
          return result
        } catch (error) {
          if (!hasCode(error, 'UNAVAILABLE')) throw error
          if (this.#waiting === 0) logger.warn({ error: error.message }, 'live reads have to wait')
          if (!waits) this.#waiting++
          waits = true
        }
        await sleep(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    } finally {
      if (waits) this.#waiting--
    }
  }

  #asking(signal: AbortSignal) {
    const ask = (doing: string, statement: Statement, values: Parameter[]): Promise<Row[]> =>
      this.#ask(doing, statement, values, signal)
    return { ask, statements: this.#options.statements }
  }

  #ask(doing: string, statement: Statement, values: Parameter[], signal?: AbortSignal): Promise<Row[]> {
    const { database, readTimeoutMs } = this.#options
    return ask(database.readers, { timeoutMs: readTimeoutMs, signal, isRead: true }, { doing, statement, values })
  }
}

async function* nothing(): AsyncGenerator<readonly PersistedEvt[], void, void> {}
