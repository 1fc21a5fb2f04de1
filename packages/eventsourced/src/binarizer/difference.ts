import { show } from '../errors.js'
import { isPlainObject } from './plain-object.js'

/**
 * What of a value is not the same in what came back, in words that name the path; `undefined` if all is. Only what
 * protobuf can hold is the same: primitives, Uint8Array, arrays and plain objects of them.
 */
export function difference(value: unknown, back: unknown, path: string): string | undefined {
  if (Object.is(value, back)) return undefined
  if (isBytes(value) && isBytes(back)) return Buffer.compare(value, back) === 0 ? undefined : `${path} has other bytes`
  if (isList(value) && isList(back)) return listDifference(value, back, path)
  if (isPlainObject(value) && isPlainObject(back)) return objectDifference(value, back, path)
  return `${path} is ${show(value)}, and would come back as ${show(back)}`
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && Object.getPrototypeOf(value) === Uint8Array.prototype
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype
}

function listDifference(value: readonly unknown[], back: readonly unknown[], path: string): string | undefined {
  if (Object.keys(value).length !== back.length) return `${path} is not a list without holes that would come back whole`
  for (let index = 0; index < value.length; index++) {
    const found = difference(value[index], back[index], `${path}[${index}]`)
    if (found !== undefined) return found
  }
  return undefined
}

function objectDifference(
  value: Readonly<Record<string, unknown>>,
  back: Readonly<Record<string, unknown>>,
  path: string,
): string | undefined {
  if (Object.getOwnPropertySymbols(value).length > 0) return `${path} has a symbol as key, which would be lost`
  for (const key of Object.getOwnPropertyNames(value)) {
    if (!Object.hasOwn(back, key))
      return `${path}.${key} is ${show(value[key])}, and would be lost: the message has no such field`
    const found = difference(value[key], back[key], `${path}.${key}`)
    if (found !== undefined) return found
  }
  for (const key of Object.keys(back)) {
    if (!Object.hasOwn(value, key)) return `${path}.${key} is missing, and would come back as ${show(back[key])}`
  }
  return undefined
}
