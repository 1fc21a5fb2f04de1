import type { EntityKey, PersistedEvt } from 'eventsourced'
import type { Row } from '../database/statement.js'

/** A page of events. */
export interface Page {
  readonly evts: readonly PersistedEvt[]
  /** Where to go on behind: a seqNo, or a position. */
  readonly through: number
  /** Whether there is more to read already. */
  readonly more: boolean
}

/** Decodes a page. `after` is where it began, and how far it has read if there was nothing. */
export function decodePage(row: Row | undefined, after: number, keyOf: (id: string) => EntityKey): Page {
  const [more, through, ...columns] = row ?? []
  const [
    positions = [],
    seqNos = [],
    appendIds = [],
    times = [],
    versions = [],
    ids = [],
    types = [],
    bytes = [],
    metadata = [],
  ] = columns.map((list) => list?.split('\n') ?? [])
  const evts = positions.map(
    (position, at): PersistedEvt => ({
      key: keyOf(own(ids[at] ?? '')),
      seqNo: Number(seqNos[at]),
      position: Number(position),
      appendId: own(appendIds[at] ?? ''),
      type: own(types[at] ?? ''),
      version: Number(versions[at]),
      bytes: Buffer.from(bytes[at] ?? '', 'hex'),
      time: new Date(Number(times[at])),
      metadata: decodeMetadata(metadata[at] ?? '{}'),
    }),
  )
  return { evts, through: through == null ? after : Number(through), more: more === 't' }
}

/** The same text by itself: what was cut out of a list keeps all of the list in memory for as long as it is kept. */
function own(text: string): string {
  return ` ${text}`.slice(1)
}

function decodeMetadata(json: string): Record<string, string> {
  if (json === '{}') return {}
  const metadata: unknown = JSON.parse(json)
  if (!isMetadata(metadata)) throw new TypeError(`the metadata of an event is not text by text: ${json}`)
  return metadata
}

function isMetadata(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string')
}
