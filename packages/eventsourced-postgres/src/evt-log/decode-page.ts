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

/** Decodes the rows of a page: its events, then its mark. `after` is where it began, and how far it has read if there was nothing. */
export function decodePage(rows: readonly Row[], after: number, keyOf: (id: string | null) => EntityKey): Page {
  const mark = rows.at(-1)
  const evts = rows.slice(0, -1).map((row) => decodeEvt(row, keyOf))
  return { evts, through: mark?.[1] == null ? after : Number(mark[1]), more: mark?.[0] === 't' }
}

function decodeEvt(row: Row, keyOf: (id: string | null) => EntityKey): PersistedEvt {
  const [, position, seqNo, appendId, time, version, id = null, type, bytes, metadata] = row
  return {
    key: keyOf(id),
    seqNo: Number(seqNo),
    position: Number(position),
    appendId: appendId ?? '',
    type: type ?? '',
    version: Number(version),
    bytes: Buffer.from(bytes ?? '', 'hex'),
    time: new Date(Number(time)),
    metadata: decodeMetadata(metadata ?? '{}'),
  }
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
