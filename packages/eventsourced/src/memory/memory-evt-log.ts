import { setImmediate } from 'node:timers/promises'
import { asError, ConflictError, RefusedError, show, UncertainError } from '../errors.js'
import { checkAppend, checkDeleteEvts, checkEvtsById, checkEvtsByType } from '../log/check.js'
import { checkKey, checkTypeName, type EntityKey, nameOf } from '../log/entity-key.js'
import type {
  Append,
  EvtLog,
  EvtsByIdOptions,
  EvtsByTypeOptions,
  IdsOptions,
  LogHead,
  Persisted,
  PersistedEvt,
} from '../log/evt-log.js'
import { turnTime } from '../turn-time.js'
import { Journal, type JournalEntity, type Waiting } from './journal.js'

/** How many bytes an event of this log may have. */
const MAX_EVT_BYTES = 2 ** 26

/** After how many events, or ids, a read lets timers and sockets have their turn. */
const EVTS_PER_TURN = 1_024

type EvtStream = AsyncGenerator<PersistedEvt, void, void>

/** What several logs may share. */
class Storage {
  readonly #journals = new Map<string, Journal>()
  position = 0
  #time = 0

  journal(typeName: string): Journal {
    const found = this.#journals.get(typeName)
    if (found !== undefined) return found
    const journal = new Journal()
    this.#journals.set(typeName, journal)
    return journal
  }

  find(key: EntityKey): JournalEntity | undefined {
    return this.#journals.get(key.typeName)?.find(key.id)
  }

  /** The clock of the log: it never goes back. */
  now(): number {
    this.#time = Math.max(this.#time, turnTime())
    return this.#time
  }
}

/**
 * An event log in memory, for tests and for what may be forgotten: it keeps to all that an {@link EvtLog} promises, but its events end
 * with the process. They are packed outside of the JavaScript heap, some 100 bytes an event besides its own.
 *
 * @example
 * const evtLog = new MemoryEvtLog()
 * const another = new MemoryEvtLog({ storageOf: evtLog }) // as another process would see it, or after a restart
 */
export class MemoryEvtLog implements EvtLog {
  readonly durable = false
  readonly #storage: Storage
  readonly #waiting: Waiting = new Set()
  #closed = false

  /** @param options `storageOf`: a log, open or closed, whose events this one shares; none by default. */
  constructor({ storageOf }: { readonly storageOf?: MemoryEvtLog } = {}) {
    this.#storage = storageOf === undefined ? new Storage() : storageOf.#storage
  }

  /** Not async: the frame of an async function would cost each append more than storing it. */
  persist(append: Append): Promise<Persisted> {
    try {
      return Promise.resolve(this.#store(append))
    } catch (error) {
      return Promise.reject(asError(error))
    }
  }

  #store(append: Append): Persisted {
    this.#refuseIfClosed()
    checkAppend(append)
    checkSizes(append)
    const { key, expected } = append
    const journal = this.#storage.journal(key.typeName)
    const found = journal.find(key.id)
    const isExpected = (found?.seqNo ?? 0) === expected.seqNo && (found?.position ?? 0) === expected.position
    if (!isExpected) return storedBefore(journal, append)
    const entity = found ?? journal.findOrAdd(key)
    const persisted = journal.append(entity, append, this.#storage.position + 1, this.#storage.now())
    this.#storage.position = persisted.head.position
    return persisted
  }

  async head(key: EntityKey): Promise<LogHead> {
    this.#refuseIfClosed()
    checkKey(key)
    const entity = this.#storage.find(key)
    if (entity === undefined) return { seqNo: 0, position: 0, appendId: '' }
    const appendId = this.#storage.journal(key.typeName).headAppendId(entity)
    return { seqNo: entity.seqNo, position: entity.position, appendId }
  }

  async headPosition(): Promise<number> {
    this.#refuseIfClosed()
    return this.#storage.position
  }

  evtsById(key: EntityKey, options: EvtsByIdOptions = {}): AsyncIterable<PersistedEvt> {
    checkEvtsById(key, options)
    return this.#readById(key, options)
  }

  async *#readById(key: EntityKey, { from = 1, to = Infinity, live = false, signal }: EvtsByIdOptions): EvtStream {
    this.#refuseIfEnded(signal)
    const journal = this.#storage.journal(key.typeName)
    const last = live ? to : Math.min(to, journal.find(key.id)?.seqNo ?? 0)
    let next = Math.max(from, 1)
    for (let turn = 1; next <= last; turn++) {
      const entity = journal.findOrAdd(key)
      next = Math.max(next, journal.firstSeqNo(entity))
      const evt = next > last ? undefined : journal.evtOf(entity, next)
      if (evt !== undefined) {
        next++
        yield evt
      } else if (next > entity.seqNo && next <= last) {
        await this.#more((entity.waiting ??= new Set()), signal)
      }
      this.#refuseIfEnded(signal)
      if (turn % EVTS_PER_TURN === 0) await setImmediate()
    }
  }

  evtsByType(typeName: string, options: EvtsByTypeOptions = {}): AsyncIterable<PersistedEvt> {
    checkEvtsByType(typeName, options)
    return this.#readByType(typeName, options)
  }

  async *#readByType(typeName: string, { after = 0, live = false, slice, signal }: EvtsByTypeOptions): EvtStream {
    this.#refuseIfEnded(signal)
    const journal = this.#storage.journal(typeName)
    const slices = slice && new Set(slice)
    const last = live ? Infinity : journal.end
    let index = journal.seek(journal.after(after), slices)
    for (let turn = 1; index < last; turn++) {
      const evt = journal.evt(index)
      if (evt !== undefined) yield evt
      else await this.#more(journal.waiting, signal)
      this.#refuseIfEnded(signal)
      if (turn % EVTS_PER_TURN === 0) await setImmediate()
      index = journal.seek(evt === undefined ? index : index + 1, slices)
    }
  }

  ids(typeName: string, { signal }: IdsOptions = {}): AsyncIterable<string> {
    checkTypeName(typeName)
    return this.#readIds(typeName, signal)
  }

  async *#readIds(typeName: string, signal: AbortSignal | undefined): AsyncGenerator<string, void, void> {
    this.#refuseIfEnded(signal)
    let turn = 0
    for (const id of this.#storage.journal(typeName).ids()) {
      yield id
      this.#refuseIfEnded(signal)
      if (++turn % EVTS_PER_TURN === 0) await setImmediate()
    }
  }

  async deleteEvts(key: EntityKey, toSeqNo: number): Promise<void> {
    this.#refuseIfClosed()
    checkDeleteEvts(key, toSeqNo)
    const entity = this.#storage.find(key)
    if (entity !== undefined) this.#storage.journal(key.typeName).delete(entity, toSeqNo)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#waiting) wake()
  }

  /** Waits until there is more to read, or the read is ended. */
  #more(waiting: Waiting, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake)
        this.#waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      waiting.add(wake)
      this.#waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }

  #refuseIfEnded(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    this.#refuseIfClosed()
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new RefusedError('closed', 'the log is closed')
  }
}

function checkSizes({ groups }: Append): void {
  for (const group of groups) {
    for (const { bytes } of group) {
      if (bytes.length > MAX_EVT_BYTES) {
        throw new RefusedError('too-large', `an event has ${bytes.length} bytes: at most ${MAX_EVT_BYTES} fit`)
      }
    }
  }
}

/** Answers an append whose expected head is not the entity's: it is stored already, or another writer was first. */
function storedBefore(journal: Journal, append: Append): Persisted {
  const { key, expected } = append
  const entity = journal.find(key.id)
  const stored = entity && journal.storedBefore(entity, append)
  if (stored !== undefined) return stored
  const { seqNo, position } = entity ?? { seqNo: 0, position: 0 }
  if (entity !== undefined && expected.seqNo + 1 < journal.firstSeqNo(entity)) {
    throw new UncertainError(
      `the event of ${nameOf(key)} behind the expected ${show(expected)} is deleted: whether it was of this append can't be told`,
    )
  }
  throw new ConflictError(
    `${nameOf(key)} stands at ${show({ seqNo, position })}, not at the expected ${show(expected)}`,
  )
}
