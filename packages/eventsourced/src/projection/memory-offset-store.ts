import { RefusedError } from '../errors.js'
import type { LeaseStore } from '../lease/lease-store.js'
import { MemoryLeaseStore } from '../lease/memory-lease-store.js'
import { sliceOf } from '../log/slice.js'
import { lowestPosition } from './lowest-position.js'
import type {
  Claimed,
  Committed,
  Entry,
  Move,
  OffsetStore,
  ParkedEvt,
  ParkedOptions,
  SliceRecord,
} from './offset-store.js'
import { checkProjectionKey, groupOf, type ProjectionKey } from './projection-key.js'

/** What is kept of a projection's version. */
interface Kept {
  readonly slices: Map<number, SliceRecord>
  /** By position. */
  readonly parked: Map<number, ParkedEvt>
}

/** What several stores may share. */
class Storage {
  readonly projections = new Map<string, Kept>()
  readonly entries = new Map<string, Entry>()
  readonly watchers = new Map<string, Set<() => void>>()
  #revision = 0

  nextRevision(): number {
    this.#revision += 1
    return this.#revision
  }
}

/** How a {@link MemoryOffsetStore} is made. */
export interface MemoryOffsetStoreOptions {
  /** A store, open or closed, whose records this one shares; none by default. */
  readonly storageOf?: MemoryOffsetStore
  /** Those of the other store, or new ones by default. */
  readonly leases?: LeaseStore
}

/**
 * Offsets in memory, for tests and for read models in memory: they end with the process, as those do.
 *
 * @example
 * const offsetStore = new MemoryOffsetStore()
 * const another = new MemoryOffsetStore({ storageOf: offsetStore }) // as another process would see it
 */
export class MemoryOffsetStore implements OffsetStore {
  readonly leases: LeaseStore
  readonly #storage: Storage
  #closed = false

  constructor({ storageOf, leases }: MemoryOffsetStoreOptions = {}) {
    this.#storage = storageOf === undefined ? new Storage() : storageOf.#storage
    this.leases = leases ?? storageOf?.leases ?? new MemoryLeaseStore()
  }

  async claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed> {
    const kept = this.#kept(key)
    const before = kept.slices.get(slice)
    if (before !== undefined && before.epoch > epoch) return { kind: 'fenced' }
    const record = { ...(before ?? beginning(slice)), epoch, revision: this.#storage.nextRevision() }
    kept.slices.set(slice, record)
    const parkedIds = new Set<string>()
    for (const { evt } of kept.parked.values()) if (sliceOf(evt.key.id) === slice) parkedIds.add(evt.key.id)
    return { kind: 'claimed', record, parkedIds: [...parkedIds] }
  }

  async commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed> {
    const kept = this.#kept(key)
    const moved = new Map<number, number>()
    const fenced: number[] = []
    for (const move of moves) {
      const before = kept.slices.get(move.slice)
      if (before?.revision === move.revision) moved.set(move.slice, this.#move(kept, before, move))
      else fenced.push(move.slice)
    }
    return { moved, fenced }
  }

  async slices(key: ProjectionKey, only?: readonly number[]): Promise<readonly SliceRecord[]> {
    const records = [...this.#kept(key).slices.values()].sort((left, right) => left.slice - right.slice)
    return only === undefined ? records : records.filter(({ slice }) => only.includes(slice))
  }

  async *parked(key: ProjectionKey, { slice, id }: ParkedOptions = {}): AsyncGenerator<ParkedEvt, void, void> {
    const parked = [...this.#kept(key).parked.values()].sort((left, right) => left.evt.position - right.evt.position)
    for (const one of parked) {
      const isOfSlice = slice === undefined || sliceOf(one.evt.key.id) === slice
      if (isOfSlice && (id === undefined || one.evt.key.id === id)) yield one
    }
  }

  async parkedCount(key: ProjectionKey): Promise<number> {
    return this.#kept(key).parked.size
  }

  async remove(key: ProjectionKey): Promise<void> {
    this.#kept(key)
    this.#storage.projections.delete(groupOf(key))
  }

  async names(): Promise<readonly string[]> {
    this.#refuseIfClosed()
    return [...this.#storage.entries.keys()]
  }

  async entry(name: string): Promise<Entry | undefined> {
    this.#refuseIfClosed()
    return this.#storage.entries.get(name)
  }

  async putEntry(name: string, { value, revision }: Entry): Promise<boolean> {
    this.#refuseIfClosed()
    if ((this.#storage.entries.get(name)?.revision ?? 0) !== revision) return false
    this.#storage.entries.set(name, { value, revision: this.#storage.nextRevision() })
    for (const watcher of this.#storage.watchers.get(name) ?? []) setImmediate(watcher)
    return true
  }

  watch(name: string, onChange: () => void): { readonly stop: () => void } {
    const watchers = this.#storage.watchers.get(name) ?? new Set()
    this.#storage.watchers.set(name, watchers)
    const watcher = () => onChange()
    watchers.add(watcher)
    return { stop: () => void watchers.delete(watcher) }
  }

  async position(typeName: string, slice: number): Promise<number> {
    this.#refuseIfClosed()
    return lowestPosition(this, typeName, slice)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #move(kept: Kept, before: SliceRecord, { slice, offset, failure, done, park, unpark }: Move): number {
    const revision = this.#storage.nextRevision()
    kept.slices.set(slice, { ...before, revision, offset, failure, done })
    for (const position of unpark) kept.parked.delete(position)
    for (const one of park) kept.parked.set(one.evt.position, one)
    return revision
  }

  #kept(key: ProjectionKey): Kept {
    this.#refuseIfClosed()
    checkProjectionKey(key)
    const found = this.#storage.projections.get(groupOf(key))
    if (found !== undefined) return found
    const kept = { slices: new Map<number, SliceRecord>(), parked: new Map<number, ParkedEvt>() }
    this.#storage.projections.set(groupOf(key), kept)
    return kept
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new RefusedError('closed', 'the offset store is closed')
  }
}

function beginning(slice: number): SliceRecord {
  const offset = { position: 0, appendId: '', id: '', seqNo: 0 }
  return { slice, epoch: 0, revision: 0, offset, failure: undefined, done: undefined }
}
