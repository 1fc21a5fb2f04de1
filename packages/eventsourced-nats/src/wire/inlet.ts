import type { NatsConnection } from 'nats'

/** A message as it came in. */
export interface InMsg {
  readonly subject: string
  /** Empty if there is none. */
  readonly reply: string
  /** The header block, from `NATS/1.0` to its empty line; empty if there is none. */
  readonly header: string
  /** Its own: nothing else that came with it is kept. */
  readonly data: Uint8Array
}

/** What the package's connection reads by; its types keep that to themselves. */
export interface Parser {
  readonly state: number
  parse(bytes: Uint8Array): void
}

/** The part of the package's connection that has the parser, and counts what comes in. */
interface Protocol {
  readonly parser: Parser
  inMsgs: number
  inBytes: number
}

/** The state of a parser that has no half of anything. */
const AT_START = 0
const LETTER_H = 72
const LETTER_M = 77
const LINE_END = 13
const LINE_FEED = 10
const SPACE = 32
const DIGIT_0 = 48
/** What is longer is left to the package, lest it be put together again with each part of it that comes. */
const MAX_BYTES = 32_768
/** Up to this size V8 keeps the bytes of a typed array inside the object: quick to make, and nothing else is held by it. */
const INLINE_BYTES = 64

/** Takes a message; answers false for one that the package's callback is to have. */
type OnMsg = (msg: InMsg) => boolean

/** The taps of each parser; the package makes another one with each connection. */
const taps = new WeakMap<Parser, Map<number, OnMsg>>()

/**
 * Takes messages out of what comes in for a subscription, before the package makes a dozen objects of each. All else reaches the package's
 * callback, in order, and so does everything where the connection is not the package's own: the callback must be able to take such messages too. A tap ends
 * with the connection: where the package makes it anew it has to be tapped again.
 *
 * @returns what ends it
 */
export function tap(connection: NatsConnection, sid: number, onMsg: OnMsg): () => void {
  const protocol = protocolOf(connection)
  if (protocol === undefined) return () => {}
  const tapped = taps.get(protocol.parser) ?? install(protocol)
  tapped.set(sid, onMsg)
  return () => void tapped.delete(sid)
}

function install(protocol: Protocol): Map<number, OnMsg> {
  const { parser } = protocol
  const tapped = new Map<number, OnMsg>()
  taps.set(parser, tapped)
  const parse = parser.parse.bind(parser)
  /** The first part of a message that is ours, or may be. */
  let part: Buffer | undefined
  const take = (bytes: Buffer) => {
    for (let at = 0; at < bytes.byteLength; ) {
      const isMsg = parser.state === AT_START && (bytes[at] === LETTER_H || bytes[at] === LETTER_M)
      const msg = isMsg ? msgAt(bytes, at) : undefined
      const onMsg = msg && tapped.get(msg.sid)
      const isWhole = msg !== undefined && msg.end <= bytes.byteLength
      const mayBeOurs = isMsg && (msg === undefined || onMsg !== undefined)
      if (mayBeOurs && !isWhole && (msg?.end ?? bytes.byteLength) - at <= MAX_BYTES) {
        part = bytes.subarray(at)
        return
      }
      // Where the package is in the midst of something, or it is no message, it gets a line and no more: behind that there may be something of ours.
      const end = msg?.end ?? endOfLine(bytes, at)
      if (isWhole && onMsg?.(inMsg(bytes, msg)) === true) {
        protocol.inMsgs += 1
        protocol.inBytes += msg.end - msg.payload - 2
      } else {
        parse(bytes.subarray(at, end))
      }
      at = end
    }
  }
  parser.parse = (came) => {
    let bytes = asBuffer(came)
    while (part !== undefined && bytes.byteLength > 0) {
      const size = Math.min(missing(part, bytes), bytes.byteLength)
      const joined = Buffer.concat([part, bytes.subarray(0, size)])
      part = undefined
      take(joined)
      bytes = bytes.subarray(size)
    }
    take(bytes)
  }
  return tapped
}

/** How many bytes there are to come of a message, or of its line until that is whole. */
function missing(part: Buffer, next: Buffer): number {
  const msg = msgAt(part, 0)
  return msg === undefined ? endOfLine(next, 0) : msg.end - part.byteLength
}

function endOfLine(bytes: Buffer, at: number): number {
  const lineFeed = bytes.indexOf(LINE_FEED, at)
  return lineFeed < 0 ? bytes.byteLength : lineFeed + 1
}

/** Where a message stands. */
interface Span {
  readonly sid: number
  readonly subject: number
  readonly subjectEnd: number
  readonly reply: number
  readonly replyEnd: number
  readonly header: number
  readonly payload: number
  /** Behind all of it. */
  readonly end: number
}

/**
 * The message that begins there: `HMSG <subject> <sid> [<reply>] <bytes of headers> <bytes of both>`, or `MSG <subject> <sid> [<reply>] <bytes>`; undefined
 * if its line has not come whole. As text, split into words, it would take three times as long.
 */
function msgAt(bytes: Buffer, at: number): Span | undefined {
  const lineEnd = bytes.indexOf(LINE_END, at)
  if (lineEnd < 0) return undefined
  const hasHeader = bytes[at] === LETTER_H
  const subject = at + (hasHeader ? 5 : 4)
  const subjectEnd = bytes.indexOf(SPACE, subject)
  const sidEnd = bytes.indexOf(SPACE, subjectEnd + 1)
  const size = wordBefore(bytes, lineEnd)
  const headerSize = hasHeader ? wordBefore(bytes, size - 1) : size
  const header = lineEnd + 2
  return {
    sid: numberIn(bytes, subjectEnd + 1, sidEnd),
    subject,
    subjectEnd,
    reply: sidEnd + 1,
    replyEnd: Math.max(headerSize - 1, sidEnd + 1),
    header,
    payload: header + (hasHeader ? numberIn(bytes, headerSize, size - 1) : 0),
    end: header + numberIn(bytes, size, lineEnd) + 2,
  }
}

function wordBefore(bytes: Buffer, end: number): number {
  let at = end
  while (at > 0 && bytes[at - 1] !== SPACE) at -= 1
  return at
}

function numberIn(bytes: Buffer, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) number = number * 10 + (bytes[at] ?? 0) - DIGIT_0
  return number
}

function inMsg(bytes: Buffer, { subject, subjectEnd, reply, replyEnd, header, payload, end }: Span): InMsg {
  return {
    subject: bytes.toString('latin1', subject, subjectEnd),
    reply: reply < replyEnd ? bytes.toString('latin1', reply, replyEnd) : '',
    header: bytes.toString('latin1', header, payload),
    data: copyOf(bytes, payload, end - 2),
  }
}

function copyOf(bytes: Buffer, start: number, end: number): Uint8Array {
  if (end - start > INLINE_BYTES) return Buffer.from(bytes.subarray(start, end))
  const copy = new Uint8Array(end - start)
  for (let at = start; at < end; at++) copy[at - start] = bytes[at] ?? 0
  return copy
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The parser that a connection of the package’s reads by; undefined where it is another kind of connection. */
export function parserOf(connection: object): Parser | undefined {
  return protocolOf(connection)?.parser
}

function protocolOf(connection: object): Protocol | undefined {
  if (!('protocol' in connection)) return undefined
  const { protocol } = connection
  return isProtocol(protocol) ? protocol : undefined
}

function isProtocol(protocol: unknown): protocol is Protocol {
  if (typeof protocol !== 'object' || protocol === null || !('parser' in protocol)) return false
  const isCounting = 'inMsgs' in protocol && typeof protocol.inMsgs === 'number'
  return isCounting && 'inBytes' in protocol && typeof protocol.inBytes === 'number' && isParser(protocol.parser)
}

function isParser(parser: unknown): parser is Parser {
  if (typeof parser !== 'object' || parser === null) return false
  return (
    'state' in parser && typeof parser.state === 'number' && 'parse' in parser && typeof parser.parse === 'function'
  )
}
