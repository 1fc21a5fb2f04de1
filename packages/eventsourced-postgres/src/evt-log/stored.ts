import type { Head, Persisted } from 'eventsourced'

/**
 * What the caller of a stored append is told. An instance, since V8 comes to make literals outside of the young generation where many once lived on for a
 * while, as they do behind a stall: there each keeps alive what it refers to, append after append, and major collections follow one another from then on.
 */
export class Stored implements Persisted {
  readonly groups: number
  readonly head: Head
  readonly positions: number[]

  /** So many groups, whose last event has that seqNo, and whose events have these positions, at least one. */
  constructor(groups: number, seqNo: number, positions: number[]) {
    this.groups = groups
    this.head = new StoredHead(seqNo, positions.at(-1) ?? 0)
    this.positions = positions
  }
}

class StoredHead implements Head {
  readonly seqNo: number
  readonly position: number

  constructor(seqNo: number, position: number) {
    this.seqNo = seqNo
    this.position = position
  }
}

/** So many positions, one behind the other; no literal either. */
export function positionsFrom(first: number, count: number): number[] {
  const positions = Array.of(first)
  for (let nth = 1; nth < count; nth++) positions.push(first + nth)
  return positions
}
