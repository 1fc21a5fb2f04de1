import type { Msg, MsgHdrs } from 'nats'
import type { InMsg } from './inlet.js'

const VERSION = 'NATS/1.0'
const END_OF_LINE = '\r\n'

/** A message as it came in, or as the package made it. */
export type Received = InMsg | Msg

/** The fields of a message's headers; of several with one name the first. */
export interface Fields extends Iterable<readonly [name: string, value: string]> {
  /** All of them as they stand. */
  readonly block: string
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
  readonly block: string

  constructor(block: string) {
    this.block = block
  }

  get(name: string): string | undefined {
    const field = `${END_OF_LINE}${name}:`
    const at = this.block.indexOf(field)
    return at < 0 ? undefined : this.block.slice(at + field.length, endOfLine(this.block, at + field.length)).trim()
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return allFields(this.block).entries()
  }
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
