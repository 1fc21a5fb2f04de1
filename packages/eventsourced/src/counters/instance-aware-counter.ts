/** What a counter stands at, as far as this instance is concerned. */
export interface Counts {
  /** The sum over all instances that are alive. */
  readonly total: bigint
  /** This instance's slice of it. */
  readonly own: bigint
}

/** A count as it is given: 64 bits and signed; a `number` must be a safe integer. */
export type Count = bigint | number

/**
 * Counters by key to which several processes contribute, each as an _instance_ of its own. A counter knows what each instance has
 * contributed (its slice), so that the share of one that dies drops out by itself.
 *
 * A total is the sum of the slices of the instances that are alive, as far as they belong to the key's current _epoch_. `set` and `del` begin
 * a new epoch: every slice of the older one is void from then on, whoever holds it. An instance is alive while its heartbeats come; once they
 * have stayed away for longer than its `deadInstanceThreshold` its slices stop counting, and count again when it comes back.
 *
 * Keys are texts of 1 to 255 bytes in UTF-8. Counts are signed integers of 64 bits.
 *
 * What all operations may fail with:
 * - {@link InvalidInputError}: the key or the count is none; nothing happened
 * - {@link CounterOverflowError}: a slice or a total would not fit 64 bits; nothing has changed
 * - {@link RefusedError} `closed`: the counter is closed
 * - {@link UnavailableError}: the store can't be reached; nothing has changed
 * - {@link UncertainError}: the store stopped answering; the change is made or not, once at most
 */
export interface InstanceAwareCounter {
  /** Which instance this is. */
  readonly instanceId: string

  /** Adds to this instance's slice; a slice of an older epoch counts as 0 first. `inc(key, 0)` creates the key. */
  inc(key: string, count: Count): Promise<Counts>

  /** Takes away from this instance's slice: the same as `inc` of the negative. Slices may be negative. */
  dec(key: string, count: Count): Promise<Counts>

  /** Makes the total `count`, all of it this instance's slice: begins a new epoch, in which the others have nothing yet. */
  set(key: string, count: Count): Promise<Counts>

  /** Makes this instance's slice `count`; the others keep theirs. */
  setOnInstance(key: string, count: Count): Promise<Counts>

  /** Reads; zeros of a key that nobody knows. */
  get(key: string): Promise<Counts>

  /** What each instance that is alive has contributed, by its id. Instances without a slice of the key are missing. */
  getByInstance(key: string): Promise<ReadonlyMap<string, bigint>>

  /** Deletes the key for all instances. Answers with what it stood at before. */
  del(key: string): Promise<Counts>

  /** Removes this instance's slice; the others keep theirs. Answers with the new total, and as `own` with what was removed. */
  delOnInstance(key: string): Promise<Counts>

  /** Deletes all keys of the namespace, for all instances, however many there are. */
  clear(): Promise<void>

  /** Removes this instance's slices of all keys, however many there are; the others keep theirs. */
  clearOnInstance(): Promise<void>

  /**
   * Finishes what was accepted, takes this instance out at once, and refuses what comes later. Its slices stay: a counter that is opened under the
   * same `instanceId` brings them back, and `clearOnInstance()` beforehand gives them up. Idempotent.
   */
  close(): Promise<void>
}
