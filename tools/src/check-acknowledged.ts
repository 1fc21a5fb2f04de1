import type { EvtPlace } from './append-process.js'

/**
 * Proves that each event that was acknowledged is stored where its writer was told, that none is stored twice, and that the events of
 * each entity are numbered without a gap.
 *
 * @param stored all that is stored, in order of position, from a position on
 * @throws {Error} saying what is wrong
 */
export function checkAcknowledged(acknowledged: readonly EvtPlace[], stored: readonly EvtPlace[]): void {
  const byPayload = new Map(stored.map((evt) => [evt.payload, evt]))
  if (byPayload.size !== stored.length) throw new Error(`${stored.length - byPayload.size} events are stored twice`)
  for (const told of acknowledged) {
    const found = byPayload.get(told.payload)
    if (found === undefined) throw new Error(`lost: ${JSON.stringify(told)}`)
    const isThere = found.id === told.id && found.seqNo === told.seqNo && found.position === told.position
    if (!isThere) throw new Error(`acknowledged as ${JSON.stringify(told)}, stored as ${JSON.stringify(found)}`)
  }
  const last = new Map<string, EvtPlace>()
  for (const evt of stored) {
    const before = last.get(evt.id)
    const isNext = before === undefined || (evt.seqNo === before.seqNo + 1 && evt.position > before.position)
    if (!isNext) throw new Error(`${JSON.stringify(evt)} comes after ${JSON.stringify(before)}`)
    last.set(evt.id, evt)
  }
}
