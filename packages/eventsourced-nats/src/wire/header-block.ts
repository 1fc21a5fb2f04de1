import type { Msg } from 'nats'

const VERSION = 'NATS/1.0'
const END_OF_LINE = '\r\n'

/** The fields of a header block; of several with one name the first. */
export function parseHeaders(block: string): ReadonlyMap<string, string> {
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

/** The fields of a message's headers. */
export type Fields = Pick<ReadonlyMap<string, string>, 'get' | typeof Symbol.iterator>

/** The same fields, each looked for when it is asked for: of a message that is read only once a few are. */
export function fieldsIn(block: string): Fields {
  return {
    get: (name) => {
      const field = `${END_OF_LINE}${name}:`
      const at = block.indexOf(field)
      return at < 0 ? undefined : block.slice(at + field.length, endOfLine(block, at + field.length)).trim()
    },
    [Symbol.iterator]: () => parseHeaders(block)[Symbol.iterator](),
  }
}

function endOfLine(block: string, at: number): number {
  const end = block.indexOf(END_OF_LINE, at)
  return end < 0 ? block.length : end
}

/** The fields of a message's headers, and the status that stands in their place in an answer without a message. */
export function fieldsOf(msg: Msg): ReadonlyMap<string, string> {
  const block = blockOf(msg)
  if (block !== undefined) return parseHeaders(block)
  const fields = new Map<string, string>()
  for (const [name, [value]] of msg.headers ?? []) if (value !== undefined) fields.set(name, value)
  return fields
}

/** Whether a message is a status of the server's, such as "not found", instead of something stored. */
export function isStatus(msg: Msg): boolean {
  const block = blockOf(msg)
  return block === undefined ? (msg.headers?.code ?? 0) !== 0 : block.startsWith(`${VERSION} `)
}

/**
 * The header block as it came: it lies before the payload in the same memory. The package's own reading of it takes longer than all else
 * that is done for a message. Undefined if it is not there, as in a later version of the package it might not be.
 */
function blockOf(msg: Msg): string | undefined {
  if (!isSized(msg)) return undefined
  const { buffer, byteOffset, byteLength } = msg.data
  const length = msg.size() - byteLength - msg.subject.length - (msg.reply?.length ?? 0)
  if (length <= VERSION.length || length > byteOffset) return undefined
  const block = Buffer.from(buffer, byteOffset - length, length).toString('latin1')
  return block.startsWith(VERSION) && block.endsWith('\r\n\r\n') ? block : undefined
}

/** The package's messages tell the length of subject, reply subject, headers and payload together; its types keep that to themselves. */
function isSized(msg: Msg): msg is Msg & { size(): number } {
  return 'size' in msg && typeof msg.size === 'function'
}
