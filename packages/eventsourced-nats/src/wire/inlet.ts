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
const SPACE = 32
const DIGIT_0 = 48
/** What is longer is left to the package, lest it be put together again with each part of it that comes. */
const MAX_BYTES = 32_768

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
  parser.parse = (came) => {
    const bytes = part === undefined ? asBuffer(came) : Buffer.concat([part, came])
    part = undefined
    let at = 0
    while (parser.state === AT_START && (bytes[at] === LETTER_H || bytes[at] === LETTER_M)) {
      const msg = nextMsg(bytes, at)
      const onMsg = msg && tapped.get(msg.sid)
      if (msg === undefined || (onMsg !== undefined && msg.end > bytes.byteLength)) {
        if ((msg?.end ?? bytes.byteLength) - at > MAX_BYTES) break
        part = bytes.subarray(at)
        return
      }
      if (onMsg !== undefined && onMsg(inMsg(bytes, msg))) {
        protocol.inMsgs += 1
        protocol.inBytes += msg.end - msg.payload - 2
      } else {
        parse(bytes.subarray(at, msg.end))
      }
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

/**
 * The message that begins there: `HMSG <subject> <sid> [<reply>] <bytes of headers> <bytes of both>`, or `MSG <subject> <sid> [<reply>] <bytes>`; undefined
 * if its line has not come whole. As text, split into words, it would take three times as long.
 */
function nextMsg(bytes: Buffer, at: number): Span | undefined {
  const lineEnd = bytes.indexOf(LINE_END, at)
  if (lineEnd < 0) return undefined
  const subject = bytes.indexOf(SPACE, at) + 1
  const sid = bytes.indexOf(SPACE, subject) + 1
  const reply = bytes.indexOf(SPACE, sid) + 1
  const size = bytes.lastIndexOf(SPACE, lineEnd) + 1
  const headerSize = bytes[at] === LETTER_H ? bytes.lastIndexOf(SPACE, size - 2) + 1 : size
  const header = lineEnd + 2
  return {
    sid: numberIn(bytes, sid, reply - 1),
    subject: bytes.toString('latin1', subject, sid - 1),
    reply: reply < headerSize ? bytes.toString('latin1', reply, headerSize - 1) : '',
    header,
    payload: header + (headerSize < size ? numberIn(bytes, headerSize, size - 1) : 0),
    end: header + numberIn(bytes, size, lineEnd) + 2,
  }
}

function numberIn(bytes: Buffer, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) number = number * 10 + (bytes[at] ?? 0) - DIGIT_0
  return number
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
