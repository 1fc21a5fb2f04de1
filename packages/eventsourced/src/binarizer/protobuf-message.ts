import { isPlainObject, type PlainObject } from './plain-object.js'
import type { ProtobufMessage } from './protobuf-types.js'
import { ExactWriter } from './protobuf-writer.js'

/** What a writer may keep of memory after a large message. */
const MAX_KEPT_BYTES = 65_536
/** Up to this size V8 keeps the bytes of a typed array inside the object: quick to make, and nothing else is held by it. */
const INLINE_BYTES = 64
/** Without defaults, zeros would vanish. */
const CONVERSION = { longs: BigInt, defaults: true }

/** Plain objects to bytes and back, by one message of a static module. */
export interface MessageCodec {
  /** The bytes are the caller's own. @throws whatever the writer doesn't take; what the message has no field for is dropped in silence */
  encode(fields: PlainObject): Uint8Array
  /** @throws if the bytes aren't such a message */
  decode(bytes: Uint8Array): PlainObject
}

export function messageCodec(message: ProtobufMessage): MessageCodec {
  let idle: ExactWriter | undefined
  return {
    encode(fields) {
      const writer = idle ?? new ExactWriter()
      // Not idle again after a throw: the writer would still be inside of the message.
      idle = undefined
      message.encode(fields, writer)
      const bytes = copyOf(writer.buf, writer.pos)
      writer.reset()
      if (writer.buf.length <= MAX_KEPT_BYTES) idle = writer
      return bytes
    },
    decode: (bytes) => plain(message.toObject(message.decode(bytes), CONVERSION)),
  }
}

function copyOf(buffer: Uint8Array, size: number): Uint8Array {
  if (size > INLINE_BYTES) {
    // A piece of a pool, which never gives it to anyone else.
    const copy = Buffer.allocUnsafe(size)
    copy.set(buffer.subarray(0, size))
    return copy
  }
  const copy = new Uint8Array(size)
  for (let index = 0; index < size; index++) copy[index] = buffer[index] ?? 0
  return copy
}

/** Fields without nulls, and with bytes of their own instead of views of what was decoded, which they would keep in memory. */
function plain(fields: PlainObject): PlainObject {
  for (const name in fields) {
    const value = fields[name]
    if (value === null) delete fields[name]
    else if (typeof value === 'object') fields[name] = plainValue(value)
  }
  return fields
}

function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(plainValue)
  return isPlainObject(value) ? plain(value) : value
}
