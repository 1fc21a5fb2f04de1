import type { Msg, MsgHdrs } from 'nats'
import type { InMsg } from './inlet.js'

const VERSION = 'NATS/1.0'
const END_OF_LINE = '\r\n'

/** A message as it came in, or as the package made it. */
export type Received = InMsg | Msg

/** The fields of a message's headers; of several with one name the first. */
export interface Fields extends Iterable<readonly [name: string, value: string]> {
  get(name: string): string | undefined
}

/** The fields of a message's headers. */
export function fieldsOf(msg: Received): Fields {
  return fieldsIn(blockOf(msg))
}

/** The fields of a header block. */
export function fieldsIn(block: string): Fields {
  return new BlockFields(block)
}

class BlockFields implements Fields {
  readonly #block: string
  /** The values of the usual fields, each at its place; null if there are others. */
  readonly #usual: RegExpExecArray | null

  constructor(block: string) {
    this.#block = block
    this.#usual = USUAL.exec(block)
  }

  get(name: string): string | undefined {
    return this.#usual === null ? fieldIn(this.#block, name) : this.#usual[PLACES.get(name) ?? -1]?.trim()
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return allFields(this.#block).entries()
  }
}

/**
 * The fields that events and the answers to direct gets have, in the order in which they stand. To read a block that has no others by one expression
 * takes a third of looking for each field.
 */
const USUAL_NAMES = [
  'Es-Format',
  'Es-Seq-No',
  'Es-Append-Id',
  'Es-Type',
  'Es-Version',
  'Es-Tombstone',
  'Es-Metadata',
  'Es-Metadata-Deflated',
  'traceparent',
  'Nats-Expected-Last-Subject-Sequence',
  'Nats-Batch-Id',
  'Nats-Batch-Sequence',
  'Nats-Batch-Commit',
  'Nats-Stream',
  'Nats-Subject',
  'Nats-Sequence',
  'Nats-Time-Stamp',
  'Nats-Num-Pending',
  'Nats-Last-Sequence',
]
const PLACES = new Map(USUAL_NAMES.map((name, index) => [name, index + 1]))
const USUAL = new RegExp(
  `^NATS/1\\.0\\r\\n${USUAL_NAMES.map((name) => `(?:${name}: ([^\\r]*)\\r\\n)?`).join('')}\\r\\n$`,
)

function fieldIn(block: string, name: string): string | undefined {
  const field = `${END_OF_LINE}${name}:`
  const at = block.indexOf(field)
  return at < 0 ? undefined : block.slice(at + field.length, endOfLine(block, at + field.length)).trim()
}

function allFields(block: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let at = block.indexOf(END_OF_LINE) + 2; at >= 2 && at < block.length; ) {
    const end = endOfLine(block, at)
    const colon = block.indexOf(':', at)
    const name = block.slice(at, colon)
    if (colon > at && colon < end && !fields.has(name)) fields.set(name, block.slice(colon + 1, end).trim())
    at = end + 2
  }
  return fields
}

function endOfLine(block: string, at: number): number {
  const end = block.indexOf(END_OF_LINE, at)
  return end < 0 ? block.length : end
}

/** What the server says in the place of something stored, such as "404 Message Not Found". */
export interface Status {
  readonly code: number
  readonly words: string
}

/** The status that a message is; undefined for any other one. */
export function statusOf(msg: Received): Status | undefined {
  const block = blockOf(msg)
  if (!block.startsWith(`${VERSION} `)) return undefined
  const words = block.slice(VERSION.length + 1, endOfLine(block, 0))
  return { code: Number.parseInt(words, 10), words }
}

function blockOf(msg: Received): string {
  if ('header' in msg) return msg.header
  return msg.headers === undefined ? '' : blockAnew(msg.headers)
}

/** The block that the package has read. */
function blockAnew(headers: MsgHdrs): string {
  const status = headers.code > 0 ? ` ${headers.status}` : ''
  const lines = Array.from(headers, ([name, [value = '']]) => `${name}: ${value}${END_OF_LINE}`)
  return `${VERSION}${status}${END_OF_LINE}${lines.join('')}${END_OF_LINE}`
}
