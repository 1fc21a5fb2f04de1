import { EventSourcedError, messageOf, show } from '../errors.js'
import { isPlainObject, type PlainObject } from './plain-object.js'

/** Only a text with this in it can hold a tag: without it, what JSON.parse makes is the value. */
const TAG = /\{\s*"\$/
const BIGINT = /^(0|-?[1-9][0-9]*)$/

/**
 * The value that {@link encodeJson} was given.
 *
 * @param name what the value is called in messages, such as `evt`
 * @throws {EventSourcedError} `BINARIZER_FAILED` if the text isn't one that `encodeJson` made
 */
export function decodeJson(text: string, name: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return TAG.test(text) ? fromJson(json) : json
  } catch (error) {
    const reason = messageOf(error)
    throw new EventSourcedError('BINARIZER_FAILED', `${name} is not readable as JSON: ${reason}`, { cause: error })
  }
}

/** Puts values in the place of their tags, in an object that nobody else has yet. */
function fromJson(json: unknown): unknown {
  if (Array.isArray(json)) return listFromJson(json)
  return isPlainObject(json) ? objectFromJson(json) : json
}

function listFromJson(list: unknown[]): unknown[] {
  for (let index = 0; index < list.length; index++) list[index] = fromJson(list[index])
  return list
}

function objectFromJson(object: PlainObject): unknown {
  const keys = Object.keys(object)
  const [key] = keys
  if (key !== undefined && keys.length === 1 && key.startsWith('$')) {
    return key.startsWith('$$') ? { [key.slice(1)]: fromJson(object[key]) } : valueOfTag(key, object[key])
  }
  for (const key of keys) {
    // JSON.parse made `__proto__` a property like others, so that this assigns to it, and not to the prototype.
    object[key] = fromJson(object[key])
  }
  return object
}

function valueOfTag(tag: string, json: unknown): unknown {
  switch (tag) {
    case '$bigint':
      if (typeof json === 'string' && BIGINT.test(json)) return BigInt(json)
      break
    case '$number':
      if (json === '-0' || json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json)
      break
    case '$undefined':
      if (json === true) return undefined
      break
    case '$date': {
      const date = new Date(typeof json === 'string' ? json : Number.NaN)
      if (!Number.isNaN(date.getTime())) return date
      break
    }
    case '$bytes':
      if (typeof json === 'string') return bytesOf(json)
      break
    case '$map':
      if (Array.isArray(json) && json.every(isEntry))
        return new Map(json.map(([key, value]) => [fromJson(key), fromJson(value)]))
      break
    case '$set':
      if (Array.isArray(json)) return new Set(listFromJson(json))
      break
    default:
      throw new TypeError(`${show(tag)} is no tag`)
  }
  throw new TypeError(`${show(json)} under ${tag}`)
}

function isEntry(json: unknown): json is readonly [unknown, unknown] {
  return Array.isArray(json) && json.length === 2
}

function bytesOf(base64: string): Uint8Array {
  const buffer = Buffer.from(base64, 'base64')
  // Base64 that isn't would be read as fewer bytes.
  if (buffer.toString('base64') !== base64) throw new TypeError(`${show(base64)} under $bytes`)
  // A copy: a buffer this small is a view of a pool that others share.
  return new Uint8Array(buffer)
}
