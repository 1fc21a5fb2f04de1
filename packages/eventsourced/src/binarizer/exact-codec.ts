import { EventSourcedError, show } from '../errors.js'
import { difference } from './difference.js'
import { isPlainObject, type PlainObject } from './plain-object.js'
import type { MessageCodec } from './protobuf-message.js'
import { verifiedShapes } from './verified-shapes.js'

/** Like a {@link MessageCodec}, but one that refuses what would come back changed. Fails with `BINARIZER_FAILED`, naming the path. */
export interface ExactCodec {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): PlainObject
}

/**
 * Makes a codec exact. Its writer refuses what a field can't hold, but generated code passes over properties that it doesn't know or takes for empty:
 * so whatever is encoded is also decoded and compared, except for flat objects of a shape that has passed before.
 *
 * @param name what the value is called in messages, such as `evt`
 */
export function exactCodec(codec: MessageCodec, name: string): ExactCodec {
  const shapes = verifiedShapes()
  return {
    encode(value) {
      if (!isPlainObject(value)) {
        throw new EventSourcedError('BINARIZER_FAILED', `${name} is ${show(value)}: expected a plain object`)
      }
      const bytes = encode(codec, value, name)
      if (shapes.has(value)) return bytes
      const changed = difference(value, codec.decode(bytes), name)
      if (changed !== undefined) throw new EventSourcedError('BINARIZER_FAILED', changed)
      shapes.add(value)
      return bytes
    },

    decode(bytes) {
      try {
        return codec.decode(bytes)
      } catch (cause) {
        throw new EventSourcedError('BINARIZER_FAILED', `${name} is not readable: ${reasonOf(cause)}`, { cause })
      }
    },
  }
}

function encode(codec: MessageCodec, value: PlainObject, name: string): Uint8Array {
  try {
    return codec.encode(value)
  } catch (cause) {
    const path = faultyPath((fields) => codec.encode(fields), value, name)
    throw new EventSourcedError('BINARIZER_FAILED', `${path} can't be encoded: ${reasonOf(cause)}`, { cause })
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

type Encode = (fields: PlainObject) => unknown

/** Where the property stands that can't be encoded: found by encoding each one alone. */
function faultyPath(encode: Encode, fields: PlainObject, path: string): string {
  for (const [name, value] of Object.entries(fields)) {
    if (!throws(() => encode({ [name]: value }))) continue
    if (!Array.isArray(value)) return valuePath((part) => encode({ [name]: part }), value, `${path}.${name}`)
    const index = value.findIndex((element) => throws(() => encode({ [name]: [element] })))
    if (index < 0) return `${path}.${name}`
    return valuePath((part) => encode({ [name]: [part] }), value[index], `${path}.${name}[${index}]`)
  }
  return path
}

function valuePath(encode: Encode, value: unknown, path: string): string {
  return isPlainObject(value) ? faultyPath(encode, value, path) : path
}

function throws(action: () => unknown): boolean {
  try {
    action()
    return false
  } catch {
    return true
  }
}
