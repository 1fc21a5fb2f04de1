import type {
  Claimed,
  Committed,
  Entry,
  Move,
  OffsetStore,
  ParkedEvt,
  ParkedOptions,
  SliceRecord,
} from '../projection/offset-store.js'
import type { ProjectionKey } from '../projection/projection-key.js'
import { Faults } from './faults.js'
import { FaultyLeaseStore } from './faulty-lease-store.js'

/** The calls of an offset store that can be made to fail. */
export type OffsetStoreOperation = 'claim' | 'commit' | 'slices' | 'parked' | 'remove' | 'names' | 'entry' | 'putEntry'

/**
 * An offset store that fails on request, for tests of what runs on it. Everything else goes through to the store it wraps.
 *
 * @example
 * const store = new FaultyOffsetStore(new MemoryOffsetStore())
 * store.faults.fail('commit', { when: 'after', error: new UnavailableError('the answer was lost') })
 */
export class FaultyOffsetStore implements OffsetStore {
  /** What is to go wrong next. */
  readonly faults = new Faults<OffsetStoreOperation>()
  readonly leases: FaultyLeaseStore
  readonly #store: OffsetStore

  constructor(store: OffsetStore) {
    this.#store = store
    this.leases = new FaultyLeaseStore(store.leases)
  }

  claim(key: ProjectionKey, slice: number, epoch: number): Promise<Claimed> {
    return this.faults.run('claim', () => this.#store.claim(key, slice, epoch))
  }

  commit(key: ProjectionKey, moves: readonly Move[]): Promise<Committed> {
    return this.faults.run('commit', () => this.#store.commit(key, moves))
  }

  slices(key: ProjectionKey, only?: readonly number[]): Promise<readonly SliceRecord[]> {
    return this.faults.run('slices', () => this.#store.slices(key, only))
  }

  async *parked(key: ProjectionKey, options?: ParkedOptions): AsyncIterable<ParkedEvt> {
    yield* await this.faults.run('parked', async () => this.#store.parked(key, options))
  }

  parkedCount(key: ProjectionKey): Promise<number> {
    return this.faults.run('parked', () => this.#store.parkedCount(key))
  }

  remove(key: ProjectionKey): Promise<void> {
    return this.faults.run('remove', () => this.#store.remove(key))
  }

  names(): Promise<readonly string[]> {
    return this.faults.run('names', () => this.#store.names())
  }

  entry(name: string): Promise<Entry | undefined> {
    return this.faults.run('entry', () => this.#store.entry(name))
  }

  putEntry(name: string, entry: Entry): Promise<boolean> {
    return this.faults.run('putEntry', () => this.#store.putEntry(name, entry))
  }

  watch(name: string, onChange: () => void): { readonly stop: () => void } {
    return this.#store.watch?.(name, onChange) ?? { stop: () => undefined }
  }

  position(typeName: string, slice: number): Promise<number> {
    return this.#store.position(typeName, slice)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
