import { EventSourcedError } from '../errors.js'
import { isPlainObject, type PlainObject } from './plain-object.js'

/** How deeply values may be nested. What is deeper is a cycle, or would exhaust the stack. */
const MAX_DEPTH = 500
// oxlint-disable-next-line no-control-regex -- JSON asks that control characters be escaped.
const NEEDS_ESCAPES = /["\\\u0000-\u001f\ud800-\udfff]/

/** Where an object stands in the value that is encoded, so that the path can be named when something in it is refused. */
interface Place {
  readonly parent: Place | undefined
  /** The key or index under the parent; for the outermost, what the value is called. */
  readonly key: string | number
  readonly object: object
  readonly depth: number
}

/**
 * A value as JSON text, from which `decodeJson` makes the same value again. Beside what JSON knows these survive, wherever they stand: `bigint`,
 * `undefined`, NaN, the infinities, -0, Date, Uint8Array, Map and Set. Each is written as an object with one key, such as `{"$bigint":"7"}`; a
 * plain object with one key that begins with `$` gets one more `$`, and so survives as well.
 *
 * Whatever would come back as something else is refused with its path: nothing is changed in silence.
 *
 * @param name what the value is called in messages, such as `evt`
 * @throws {EventSourcedError} `BINARIZER_FAILED`
 */
export function encodeJson(value: unknown, name: string): string {
  return toJson(value, undefined, name)
}

// The text is built by hand: JSON.stringify would need a copy of every object that has a tag in it, and takes longer.
function toJson(value: unknown, parent: Place | undefined, key: string | number): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      if (Object.is(value, -0)) return '{"$number":"-0"}'
      return Number.isFinite(value) ? String(value) : `{"$number":"${value}"}`
    case 'bigint':
      return `{"$bigint":"${value}"}`
    case 'boolean':
      return value ? 'true' : 'false'
    case 'undefined':
      return '{"$undefined":true}'
    case 'object':
      return value === null ? 'null' : objectToJson(value, parent, key)
    case 'function':
    case 'symbol':
      throw refused(pathOf(parent, key), `a ${typeof value}`)
  }
}

function quote(text: string): string {
  return NEEDS_ESCAPES.test(text) ? JSON.stringify(text) : `"${text}"`
}

function objectToJson(object: object, parent: Place | undefined, key: string | number): string {
  const place = { parent, key, object, depth: parent === undefined ? 1 : parent.depth + 1 }
  if (place.depth > MAX_DEPTH) throw tooDeep(place)
  if (Object.getOwnPropertySymbols(object).length > 0) throw refusedAt(place, 'an object with a symbol as key')
  if (isPlainObject(object)) return plainObjectToJson(object, place)
  const prototype: unknown = Object.getPrototypeOf(object)
  if (Array.isArray(object) && prototype === Array.prototype) return arrayToJson(object, place)
  if (object instanceof Uint8Array && prototype === Uint8Array.prototype) return bytesToJson(object, place)
  if (Object.getOwnPropertyNames(object).length > 0) throw refusedAt(place, describe(object))
  if (object instanceof Date && prototype === Date.prototype) return dateToJson(object, place)
  if (object instanceof Map && prototype === Map.prototype) return `{"$map":${collectionToJson(object, place)}}`
  if (object instanceof Set && prototype === Set.prototype) return `{"$set":${collectionToJson(object, place)}}`
  throw refusedAt(place, describe(object))
}

function plainObjectToJson(object: PlainObject, place: Place): string {
  const keys = Object.keys(object)
  if (Object.getOwnPropertyNames(object).length !== keys.length) {
    throw refusedAt(place, 'an object with a property that is not enumerable')
  }
  let json = ''
  for (const key of keys) {
    json += `${json === '' ? '{' : ','}${quote(key)}:${toJson(object[key], place, key)}`
  }
  if (keys.length !== 1) return json === '' ? '{}' : `${json}}`
  return keys[0]?.startsWith('$') ? `{"$${json.slice(2)}}` : `${json}}`
}

function arrayToJson(array: readonly unknown[], place: Place): string {
  if (Object.keys(array).length !== array.length) throw refusedAt(place, 'an array with holes or with named properties')
  let json = ''
  for (let index = 0; index < array.length; index++) {
    json += `${index === 0 ? '[' : ','}${toJson(array[index], place, index)}`
  }
  return json === '' ? '[]' : `${json}]`
}

/** A Map as the list of its entries, a Set as the list of its values, called so in paths. */
function collectionToJson(collection: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>, place: Place): string {
  const list: unknown[] = [...collection]
  return arrayToJson(list, {
    parent: place,
    key: collection instanceof Map ? 'entries' : 'values',
    object: list,
    depth: place.depth,
  })
}

function bytesToJson(bytes: Uint8Array, place: Place): string {
  if (Object.keys(bytes).length !== bytes.length) throw refusedAt(place, 'a Uint8Array with named properties')
  return `{"$bytes":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"}`
}

function dateToJson(date: Date, place: Place): string {
  if (Number.isNaN(date.getTime())) throw refusedAt(place, 'an invalid Date')
  return `{"$date":"${date.toISOString()}"}`
}

function describe(object: object): string {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype === null) return 'an object without a prototype'
  const name: unknown = object.constructor?.name
  return typeof name === 'string' && name !== ''
    ? `an instance of ${name} (or with properties of its own)`
    : 'an instance of a class'
}

function tooDeep(place: Place): EventSourcedError {
  let highest: Place | undefined
  for (let above = place.parent; above !== undefined; above = above.parent) {
    if (above.object === place.object) highest = above
  }
  if (highest !== undefined) return refusedAt(highest, 'part of a cycle')
  return refused(`${pathOf(place.parent, place.key).slice(0, 60)}…`, `nested deeper than ${MAX_DEPTH} levels`)
}

function refusedAt({ parent, key }: Place, what: string): EventSourcedError {
  return refused(pathOf(parent, key), what)
}

function refused(path: string, what: string): EventSourcedError {
  return new EventSourcedError('BINARIZER_FAILED', `${path} is ${what}, which would not survive as JSON`)
}

function pathOf(parent: Place | undefined, key: string | number): string {
  if (parent === undefined) return String(key)
  const above = pathOf(parent.parent, parent.key)
  if (typeof key === 'number') return `${above}[${key}]`
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `${above}.${key}` : `${above}[${JSON.stringify(key)}]`
}
