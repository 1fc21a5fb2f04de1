import assert from 'node:assert/strict'
import { readCmdId, startsAnew } from '../../entity/reserved-metadata.js'
import type { PersistedEvt } from '../../log/evt-log.js'
import { type Ledger, ledgerBinarizer, ledgerType, type Moved } from './ledger.js'

/** An event that an entity had, and where it led to. */
export interface Entry {
  readonly seqNo: number
  readonly position: number
  readonly evt: Moved
  /** What its command's caller put into the metadata. */
  readonly attempt: string | undefined
  readonly cmdId: string | undefined
  /** Whether the entity was forgotten before it. */
  readonly startsAnew: boolean
  /** The state after it, by the plain fold. */
  readonly ledger: Ledger
}

const { initialState, handleEvt } = ledgerType('model', 0)

/** All events that an entity ever had, in order, and nothing but these: seqNos from 1 on without a gap, positions that grow. */
export function historyOf(evts: readonly PersistedEvt[]): readonly Entry[] {
  const binarizer = ledgerBinarizer()
  const entries: Entry[] = []
  let ledger = initialState
  let lastPosition = 0
  for (const [index, evt] of evts.entries()) {
    const { seqNo, position, metadata } = evt
    assert.equal(seqNo, index + 1, `event ${index + 1} is missing or there twice: the log has ${seqNo} in its place`)
    assert.ok(position > lastPosition, `the position of event ${seqNo}, ${position}, is not above ${lastPosition}`)
    lastPosition = position
    const decoded = binarizer.decodeEvt(evt)
    const anew = startsAnew(evt)
    ledger = handleEvt(anew ? initialState : ledger, decoded, seqNo)
    entries.push({
      seqNo,
      position,
      evt: decoded,
      attempt: metadata['attempt'],
      cmdId: readCmdId(metadata)?.cmdId,
      startsAnew: anew,
      ledger,
    })
  }
  return entries
}

/** What an entity may say that its state is after the event `seqNo`; two answers are right where it was, or may have been, forgotten. */
export function ledgersAt(entries: readonly Entry[], seqNo: number, emptiedAt: readonly number[]): readonly Ledger[] {
  const entry = entries[seqNo - 1]
  if (entry === undefined) return seqNo === 0 ? [initialState] : []
  return emptiedAt.includes(seqNo) ? [entry.ledger, initialState] : [entry.ledger]
}

/** An event in a line, for whoever looks for what went wrong. */
export function describeEntry({ seqNo, position, evt, cmdId, startsAnew, ledger }: Entry): string {
  const { attempt, part, of, by } = evt
  const anew = startsAnew ? ' anew' : ''
  return `${seqNo} @${position}${anew} #${attempt} ${part}/${of} by ${by} cmdId=${cmdId ?? ''} -> ${ledger.sum} (${ledger.digest})`
}
