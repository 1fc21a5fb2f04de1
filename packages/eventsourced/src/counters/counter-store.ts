import type { Counts } from './instance-aware-counter.js'

/** An instance, and how it is judged to be alive. All times are in milliseconds. */
export interface CounterInstance {
  readonly namespace: string
  readonly instanceId: string
  /** For how long after a heartbeat it is alive. */
  readonly deadInstanceThreshold: number
  /** For how long after that its slices are kept, should it come back. */
  readonly forgetAfter: number
}

/** A change of a key by an instance. What is added may be one more than 64 bits hold: `dec` of the smallest count. */
export type CounterChange =
  | { readonly type: 'add' | 'set' | 'setOnInstance'; readonly count: bigint }
  | { readonly type: 'del' | 'delOnInstance' }

/**
 * What counters are kept in: the small part that a backend has to provide. Inputs are checked by the caller. `strictCounter` makes a counter
 * of it, and `instanceAwareCounterSuite` of `eventsourced/testing` judges it.
 *
 * - Each call does what it says at one moment between its begin and its end, for all instances alike.
 * - `get` and `change` are heartbeats too. The caller is alive in whatever they answer.
 * - A change bears an id of `appendIds()`, and is made once however often the same is sent, **also where others have changed, deleted or
 *   cleared the key meanwhile**: then it is answered as it was the first time. An instance's changes of one key come one after another, with rising
 *   ids; one that comes after a later one of its writer is not made, and fails with `CONFLICT`.
 * - Failures: {@link CounterOverflowError}, `UNAVAILABLE` if nothing has changed, `UNCERTAIN` if that is unknown; the same may be sent again
 *   after both.
 */
export interface CounterStore {
  /** Tells that the instance is alive: in constant time, however many keys it has. */
  heartbeat(instance: CounterInstance): Promise<void>
  get(instance: CounterInstance, key: string): Promise<Counts>
  /** The slices of a key by the id of their instances, those of the living only. A heartbeat, too. */
  slices(instance: CounterInstance, key: string): Promise<ReadonlyMap<string, bigint>>
  change(instance: CounterInstance, key: string, change: CounterChange, changeId: string): Promise<Counts>
  /** Makes all slices of the namespace void, in constant time. */
  clear(instance: CounterInstance, changeId: string): Promise<void>
  /** Makes all slices of the instance void, in constant time. */
  clearOnInstance(instance: CounterInstance, changeId: string): Promise<void>
  /** Takes the instance out, as if its heartbeats had stayed away. The next heartbeat brings it back. */
  leave(instance: CounterInstance): Promise<void>
  /** Finishes what was accepted, and refuses what comes later. Counters are closed before their store. Idempotent. */
  close(): Promise<void>
}
