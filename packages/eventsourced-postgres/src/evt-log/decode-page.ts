import { type EntityKey, type PersistedEvt, ReadEvt, RefusedError } from 'eventsourced'
import type { Row } from '../database/statement.js'

/** Which backend of which run of a server has answered: for as long as it lives it tells of one and the same log. */
export interface Backend {
  readonly server: string
  readonly pid: string
}

/** Who has answered with a row, by its last two columns. */
export function backendOf(row: Row | undefined): Backend {
  return { server: row?.at(-2) ?? '', pid: row?.at(-1) ?? '' }
}

/** A page of events. */
export interface Page {
  readonly backend: Backend
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
  const evts: PersistedEvt[] = []
  // What was stored together is mostly of one entity, and always of one append.
  const keys = sharing((id) => keyOf(own(id)))
  const writers = sharing(own)
  const names = sharing(own)
  const dates = sharing((time) => new Date(Number(time)))
  for (const [at, position] of positions.entries()) {
    const key = keys(ids[at] ?? '')
    const seqNo = Number(seqNos[at])
    evts.push(
      new ReadEvt({
        key,
        seqNo,
        position: Number(position),
        appendId: writers(appendIds[at] ?? ''),
        type: names(types[at] ?? ''),
        version: Number(versions[at]),
        bytes: Buffer.from(bytes[at] ?? '', 'hex'),
        time: dates(times[at] ?? ''),
        metadata: decodeMetadata(metadata[at] ?? '{}', key, seqNo),
      }),
    )
  }
  return { backend: backendOf(row), evts, through: through == null ? after : Number(through), more: more === 't' }
}

/** Makes something of each line, once of those that are the same one after another. */
function sharing<Made>(make: (line: string) => Made): (line: string) => Made {
  let last: { readonly line: string; readonly made: Made } | undefined
  return (line) => {
    if (last?.line !== line) last = { line, made: make(line) }
    return last.made
  }
}

/** The same text by itself: what was cut out of a list keeps all of the list in memory for as long as it is kept. */
function own(text: string): string {
  return ` ${text}`.slice(1)
}

const NONE = Object.freeze({})

/** Only somebody who wrote into the table can have stored anything else than text by text. */
function decodeMetadata(json: string, { typeName, id }: EntityKey, seqNo: number): Record<string, string> {
  if (json === '{}') return NONE
  const metadata: unknown = JSON.parse(json)
  if (isMetadata(metadata)) return metadata
  const where = `the metadata of ${typeName} ${id}, seqNo ${seqNo}`
  throw new RefusedError('bad-input', `${where}, is no object of texts: mend its row (it is ${json.slice(0, 200)})`)
}

function isMetadata(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  )
}
