import { EventSourcedError } from '../errors.js'
import { decodeJson } from './json-decode.js'
import { encodeJson } from './json-encode.js'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A value as JSON in UTF-8. The bytes are the caller's: the pool they may be a part of is never written to again. */
export function toJsonBytes(value: unknown, name: string): Uint8Array {
  return Buffer.from(encodeJson(value, name))
}

/** The value that {@link toJsonBytes} was given. @throws {EventSourcedError} `BINARIZER_FAILED` */
export function fromJsonBytes(bytes: Uint8Array, name: string): unknown {
  return decodeJson(textOf(bytes, name), name)
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return UTF8.decode(bytes)
  } catch (error) {
    throw new EventSourcedError('BINARIZER_FAILED', `${name} is not readable as JSON: the bytes are not UTF-8`, {
      cause: error,
    })
  }
}
