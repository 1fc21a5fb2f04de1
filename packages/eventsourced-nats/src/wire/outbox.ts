import { headers, type NatsConnection } from 'nats'

/** A message as it goes out. */
export interface OutMsg {
  readonly subject: string
  /** The header block in ASCII, from `NATS/1.0` to its empty line; an empty one stands for none. */
  readonly header: string
  readonly payload: Uint8Array
}

/** Puts messages on a connection. All that is put in one turn of the event loop goes out together at its end, or once it is much. */
export interface Outbox {
  /** `reply` is where the answer goes, empty if none is asked for. */
  put(msg: OutMsg, reply: string): void
  /** Has what was put go out now. */
  flush(): void
}

/** As much of a connection as any has that messages go out on. */
export type Publisher = Pick<NatsConnection, 'publish'>

/** What the package's connection sends by; its types keep that to themselves. */
interface Protocol {
  sendCommand(bytes: Uint8Array): void
  flushPending(): void
}

/** As much as is written before it goes out within a turn of the event loop, so that the server begins with it. */
const CHUNK_BYTES = 65_536
const CR = 13
const LF = 10

/**
 * How messages go out on a connection: written one behind the other as the protocol has them, which spares a handful of objects and copies for
 * each. On a connection that is not the package's own, but wraps one, they are published.
 */
export function openOutbox(connection: Publisher): Outbox {
  return isOfPackage(connection) ? writing(connection.protocol) : publishing(connection)
}

function writing(protocol: Protocol): Outbox {
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  // What lies between the two is written and not yet sent. What lies before is not touched: it may still be on its way to the socket.
  let start = 0
  let end = 0
  const flush = () => {
    if (end === start) return
    protocol.sendCommand(chunk.subarray(start, end))
    start = end
    protocol.flushPending()
  }
  const makeRoom = (bytes: number) => {
    if (end + bytes <= chunk.byteLength) return
    flush()
    chunk = Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES))
    start = end = 0
  }
  const put = ({ subject, header, payload }: OutMsg, reply: string) => {
    const to = reply === '' ? subject : `${subject} ${reply}`
    const size = header.length + payload.byteLength
    const text = header === '' ? `PUB ${to} ${size}\r\n` : `HPUB ${to} ${header.length} ${size}\r\n${header}`
    // A character of a subject may have three bytes.
    makeRoom(text.length + 2 * to.length + payload.byteLength + 2)
    if (end === start) queueMicrotask(flush)
    end += chunk.write(text, end)
    chunk.set(payload, end)
    end += payload.byteLength
    chunk[end++] = CR
    chunk[end++] = LF
  }
  return { put, flush }
}

function publishing(connection: Publisher): Outbox {
  // The package asks its headers for their bytes while it publishes, so one object serves all messages.
  let block = ''
  const encoded = Object.assign(headers(), { encode: () => Buffer.from(block) })
  return {
    put: ({ subject, header, payload }, reply) => {
      block = header
      connection.publish(subject, payload, header === '' ? { reply } : { reply, headers: encoded })
    },
    flush: () => {},
  }
}

function isOfPackage(connection: object): connection is { readonly protocol: Protocol } {
  if (!('protocol' in connection)) return false
  const { protocol } = connection
  return typeof protocol === 'object' && protocol !== null && 'sendCommand' in protocol && 'flushPending' in protocol
}
