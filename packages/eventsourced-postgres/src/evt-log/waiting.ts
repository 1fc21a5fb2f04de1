import { type Append, type Persisted, UncertainError } from 'eventsourced'
import type { Measure } from './measure.js'

/** An append that waits to be written, or to become known. */
export interface Waiting {
  readonly append: Append
  /** How many of its groups are to be stored: all but for an append that is larger than a batch may be. */
  readonly groups: number
  readonly evtCount: number
  /** What it is taken to weigh in a batch. */
  readonly bytes: number
  /** What it weighs among all that is not answered. */
  readonly heldBytes: number
  /** When it came, by `performance.now()`. */
  readonly since: number
  /** When its caller is told at the latest, by the same. */
  readonly deadline: number
  /** Whether it was sent and the answer was lost: it may be stored, or may still be on its way. */
  maybeStored: boolean
  readonly resolve: (persisted: Persisted) => void
  readonly reject: (error: Error) => void
}

/** Why it is an instance is told of `Stored`. */
export class WaitingAppend implements Waiting {
  readonly append: Append
  readonly groups: number
  readonly evtCount: number
  readonly bytes: number
  readonly heldBytes: number
  readonly since = performance.now()
  readonly deadline: number
  maybeStored = false
  readonly resolve: (persisted: Persisted) => void
  readonly reject: (error: Error) => void

  /** Not an options object, which would be a literal. */
  constructor(
    append: Append,
    measured: Measure,
    timeoutMs: number,
    resolve: (persisted: Persisted) => void,
    reject: (error: Error) => void,
  ) {
    this.append = append
    this.groups = measured.groups
    this.evtCount = measured.evtCount
    this.bytes = measured.bytes
    this.heldBytes = measured.heldBytes
    this.deadline = this.since + timeoutMs
    this.resolve = resolve
    this.reject = reject
  }
}

/** How much goes into a batch. An append that is larger goes alone. */
export interface BatchLimits {
  readonly maxEvts: number
  readonly maxBytes: number
}

/**
 * Takes the next batch off the queue: the longest waiting first, at most one append an entity, within the limits but never none. What is
 * left keeps its order.
 */
export function takeBatch(
  queue: Waiting[],
  { maxEvts, maxBytes, maxAppends }: BatchLimits & { readonly maxAppends: number },
): Waiting[] {
  const batch: Waiting[] = []
  const left: Waiting[] = []
  // By id alone: it costs nothing that two types with one id don't share a batch.
  const ids = new Set<string>()
  let evts = 0
  let bytes = 0
  let full = false
  for (const waiting of queue) {
    const { id } = waiting.append.key
    const fits = batch.length < maxAppends && evts + waiting.evtCount <= maxEvts && bytes + waiting.bytes <= maxBytes
    full ||= batch.length > 0 && !fits
    if (full || ids.has(id)) {
      left.push(waiting)
      continue
    }
    ids.add(id)
    batch.push(waiting)
    evts += waiting.evtCount
    bytes += waiting.bytes
  }
  queue.length = 0
  for (const waiting of left) queue.push(waiting)
  return batch
}

/** Takes those that are so off the queue. The others keep their order. */
export function takeOut(queue: Waiting[], isSo: (waiting: Waiting) => boolean): readonly Waiting[] {
  if (!queue.some(isSo)) return []
  const out: Waiting[] = []
  for (const waiting of queue.splice(0)) (isSo(waiting) ? out : queue).push(waiting)
  return out
}

/** What the caller is told of an append that was sent, and whose answer was lost. */
export function uncertain({ append }: Waiting, cause?: Error): UncertainError {
  const { key, appendId } = append
  const message = `append ${appendId} of ${key.typeName} ${key.id} may be stored or not: its answer was lost, and the time is over`
  return new UncertainError(message, cause === undefined ? {} : { cause })
}
