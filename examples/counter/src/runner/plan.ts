import { v5 } from 'uuid'
import type { Dec, Inc } from '../counter.js'

/** The namespace of the counters' ids. */
const COUNTERS = '8f1d4c5e-1c0f-4a44-9d3b-6d1f2b7c9a10'
/** An amount of 18 digits, so that each run shows that amounts which no floating number holds are exact. */
const INC = 123_456_789_012_345_678n
const DEC = INC - 1n

/** The id of a counter: always the same, so that each run finds the counters of those before. */
export function idOf(index: number): string {
  return v5(`counter ${index}`, COUNTERS)
}

/** The command that leads to the next event: Inc and Dec in turn. */
export function cmdAfter(seqNo: number): Inc | Dec {
  return seqNo % 2 === 0 ? { type: 'Inc', inc: INC } : { type: 'Dec', dec: DEC }
}

/**
 * The value of a counter after its event `seqNo`. Since the commands before are known by their numbers, any process can tell what the value
 * must be, whichever processes sent them, and however those ended.
 */
export function valueAfter(seqNo: number): bigint {
  const pairs = BigInt(Math.floor(seqNo / 2))
  return pairs * (INC - DEC) + (seqNo % 2 === 0 ? 0n : INC)
}
