import assert from 'node:assert/strict'
import { isForgotten } from '../../entity/forgotten.js'
import { readCmdId } from '../../entity/reserved-metadata.js'
import type { PersistedEvt } from '../../log/evt-log.js'
import { type Ledger, ledgerBinarizer, ledgerType, type Moved } from './ledger.js'

/** An event that an entity had, and where it led to. */
export interface Entry {
  readonly seqNo: number
  readonly position: number
  /** None where the entity was forgotten. */
  readonly evt: Moved | undefined
  /** What its command's caller put into the metadata. */
  readonly attempt: string | undefined
  readonly cmdId: string | undefined
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
    const decoded = isForgotten(evt) ? undefined : binarizer.decodeEvt(evt)
    ledger = decoded === undefined ? initialState : handleEvt(ledger, decoded, seqNo)
    entries.push({
      seqNo,
      position,
      evt: decoded,
      attempt: metadata['attempt'],
      cmdId: readCmdId(metadata)?.cmdId,
      ledger,
    })
  }
  return entries
}

/** An entity's state after the event `seqNo`; undefined if there is no such event. */
export function ledgerAt(entries: readonly Entry[], seqNo: number): Ledger | undefined {
  return seqNo === 0 ? initialState : entries[seqNo - 1]?.ledger
}

/** An event in a line, for whoever looks for what went wrong. */
export function describeEntry({ seqNo, position, evt, cmdId, ledger }: Entry): string {
  if (evt === undefined) return `${seqNo} @${position} forgotten`
  const { attempt, part, of, by } = evt
  return `${seqNo} @${position} #${attempt} ${part}/${of} by ${by} cmdId=${cmdId ?? ''} -> ${ledger.sum} (${ledger.digest})`
}
