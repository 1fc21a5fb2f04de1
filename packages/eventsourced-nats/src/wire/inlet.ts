import type { NatsConnection } from 'nats'

/** A message as it came in, which is stored somewhere: it has a reply subject and headers. */
export interface InMsg {
  readonly subject: string
  readonly reply: string
  /** The header block, from `NATS/1.0` to its empty line. */
  readonly header: string
  /** Its own: nothing else that came with it is kept. */
  readonly data: Uint8Array
}

/** What the package's connection reads by; its types keep that to themselves. */
export interface Parser {
  readonly state: number
  parse(bytes: Uint8Array): void
}

/** The state of a parser that has no half of anything. */
const AT_START = 0
const LETTER_H = 72
const LINE_END = 13
/** What is longer is left to the package, lest it be put together again with each part of it that comes. */
const MAX_BYTES = 32_768

type OnMsg = (msg: InMsg) => void

/** The taps of each parser; the package makes another one with each connection. */
const taps = new WeakMap<Parser, Map<number, OnMsg>>()

/**
 * Takes messages with headers and a reply subject out of what comes in for a subscription, before the package makes a dozen objects of each. All else reaches
 * the package's callback, in order, and so does everything where the connection is not the package's own: the callback must be able to take such messages too.
 *
 * @returns what ends it
 */
export function tap(connection: NatsConnection, sid: number, onMsg: OnMsg): () => void {
  const parser = parserOf(connection)
  if (parser === undefined) return () => {}
  const tapped = taps.get(parser) ?? install(parser)
  tapped.set(sid, onMsg)
  return () => void tapped.delete(sid)
}

function install(parser: Parser): Map<number, OnMsg> {
  const tapped = new Map<number, OnMsg>()
  taps.set(parser, tapped)
  const parse = parser.parse.bind(parser)
  /** The first part of a message that is ours, or may be. */
  let part: Buffer | undefined
  parser.parse = (came) => {
    const bytes = part === undefined ? asBuffer(came) : Buffer.concat([part, came])
    part = undefined
    let at = 0
    while (parser.state === AT_START && bytes[at] === LETTER_H) {
      const msg = nextMsg(bytes, at)
      const onMsg = msg && tapped.get(msg.sid)
      if (msg === undefined || (onMsg !== undefined && msg.end > bytes.byteLength)) {
        if ((msg?.end ?? bytes.byteLength) - at > MAX_BYTES) break
        part = bytes.subarray(at)
        return
      }
      if (onMsg === undefined || msg.reply === '') parse(bytes.subarray(at, msg.end))
      else onMsg(inMsg(bytes, msg))
      at = msg.end
    }
    if (at < bytes.byteLength) parse(at === 0 ? bytes : bytes.subarray(at))
  }
  return tapped
}

/** Where a message stands. */
interface Span {
  readonly sid: number
  readonly subject: string
  readonly reply: string
  readonly header: number
  readonly payload: number
  /** Behind all of it. */
  readonly end: number
}

/** The message that begins there: `HMSG <subject> <sid> [<reply>] <bytes of headers> <bytes of both>`; undefined if its line has not come whole. */
function nextMsg(bytes: Buffer, at: number): Span | undefined {
  const lineEnd = bytes.indexOf(LINE_END, at)
  if (lineEnd < 0) return undefined
  const [, subject = '', sid, ...rest] = bytes.toString('latin1', at, lineEnd).split(' ')
  const [reply, headerBytes, allBytes] = rest.length === 2 ? ['', ...rest] : rest
  const header = lineEnd + 2
  return {
    sid: Number(sid),
    subject,
    reply: reply ?? '',
    header,
    payload: header + Number(headerBytes),
    end: header + Number(allBytes) + 2,
  }
}

function inMsg(bytes: Buffer, { subject, reply, header, payload, end }: Span): InMsg {
  return {
    subject,
    reply,
    header: bytes.toString('latin1', header, payload),
    data: Buffer.from(bytes.subarray(payload, end - 2)),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The parser that a connection of the package’s reads by; undefined where it is another kind of connection. */
export function parserOf(connection: object): Parser | undefined {
  if (!('protocol' in connection)) return undefined
  const { protocol } = connection
  if (typeof protocol !== 'object' || protocol === null || !('parser' in protocol)) return undefined
  const { parser } = protocol
  return isParser(parser) ? parser : undefined
}

function isParser(parser: unknown): parser is Parser {
  if (typeof parser !== 'object' || parser === null) return false
  return (
    'state' in parser && typeof parser.state === 'number' && 'parse' in parser && typeof parser.parse === 'function'
  )
}
