import { InvalidInputError, messageOf, RefusedError, show } from '../errors.js'
import type { Metadata } from '../domain/event-sourced.js'
import type { Snapshot } from '../snapshot/snapshot-store.js'
import { APPEND_ID } from './append-id.js'
import { CheckedAppend } from './checked-append.js'
import { checkKey, checkTypeName, type EntityKey } from './entity-key.js'
import type { Append, EvtsByIdOptions, EvtsByTypeOptions, NewEvt } from './evt-log.js'
import { isAdded } from './reserved.js'
import { SLICE_COUNT } from './slice.js'

/** The most characters that all names and values that callers put into an event's metadata may have together. */
export const MAX_METADATA_CHARS = 16_384
/** The same for what the library adds to it: the trace context, a command's id, its reply. */
export const MAX_ADDED_METADATA_CHARS = 12_288
const MAX_TYPE_CHARS = 255
const MAX_VERSION = 2 ** 31 - 1
const CONTROL = /\p{Cc}/u
/** What nearly all types are; quicker to test. */
const PLAIN = /^[\w.-]+$/

/**
 * Checks an append before anything of it leaves the process, so that one bad append never harms others that share its round trip. For
 * authors of logs.
 *
 * @throws {RefusedError} with the reason `bad-input`, naming the offending value
 */
export function checkAppend(append: Append): void {
  if (!(append instanceof CheckedAppend)) checkFrame(append)
  let evtCount = 0
  for (const group of append.groups) {
    for (const evt of group) checkEvt(evt)
    evtCount += group.length
  }
  if (append.expected.seqNo + evtCount > Number.MAX_SAFE_INTEGER) {
    throw badInput('expected.seqNo', append.expected.seqNo, 'room for the events below Number.MAX_SAFE_INTEGER')
  }
}

/** Checks all of an append but its events. */
function checkFrame({ key, expected, appendId, groups }: Append): void {
  asRefused(() => checkKey(key))
  if (!isCount(expected.seqNo) || !isCount(expected.position)) {
    throw badInput('expected', expected, 'a head: two whole numbers, 0 or more')
  }
  if ((expected.seqNo === 0) !== (expected.position === 0)) {
    throw badInput('expected', expected, 'seqNo and position both 0 or neither')
  }
  if (!APPEND_ID.test(appendId)) throw badInput('appendId', appendId, 'one made by appendIds()')
  if (groups.length === 0) throw badInput('groups', groups, 'at least one group of events')
  if (groups.some((group) => group.length === 0)) throw badInput('groups', groups, 'no empty group')
}

function checkEvt(evt: NewEvt): void {
  if (!isEvtType(evt.type)) {
    throw badInput('type', evt.type, `1 to ${MAX_TYPE_CHARS} characters without control characters or lone surrogates`)
  }
  if (!Number.isInteger(evt.version) || evt.version < 1 || evt.version > MAX_VERSION) {
    throw badInput('version', evt.version, `a whole number from 1 to ${MAX_VERSION}`)
  }
  if (!(evt.bytes instanceof Uint8Array)) throw badInput('bytes', evt.bytes, 'a Uint8Array')
  const { given, added } = charsOf(evt.metadata, badInput)
  checkChars(given, MAX_METADATA_CHARS, badInput)
  checkChars(added, MAX_ADDED_METADATA_CHARS, badInput)
}

function isEvtType(type: unknown): boolean {
  if (typeof type !== 'string' || type.length === 0 || type.length > MAX_TYPE_CHARS) return false
  return PLAIN.test(type) || (!CONTROL.test(type) && type.isWellFormed())
}

type Fail = (field: string, value: unknown, expected: string) => Error

/** Checks metadata that a caller gives. @throws what `fail` makes of the offending value */
export function checkMetadata(metadata: Metadata, fail: Fail): void {
  // A Map, say, would pass for one without anything in it.
  if (Object.prototype.toString.call(metadata) !== '[object Object]')
    throw fail('metadata', metadata, 'an object of strings')
  const { given, added } = charsOf(metadata, fail)
  checkChars(given + added, MAX_METADATA_CHARS, fail)
}

function checkChars(chars: number, max: number, fail: Fail): void {
  if (chars > max) throw fail('metadata', `${chars} characters`, `at most ${max}, names and values together`)
}

const NO_CHARS = { given: 0, added: 0 }

/** How many characters metadata has: those that a caller gave, and those that the library added. */
function charsOf(metadata: Metadata, fail: Fail): { readonly given: number; readonly added: number } {
  let given = 0
  let added = 0
  for (const name in metadata) {
    const value: unknown = metadata[name]
    const field = `metadata[${show(name)}]`
    if (typeof value !== 'string') throw fail(field, value, 'a string')
    for (const text of [name, value]) {
      if (text.includes('\0') || !text.isWellFormed()) throw fail(field, text, 'text without NUL and lone surrogates')
    }
    if (isAdded(name)) added += name.length + value.length
    else given += name.length + value.length
  }
  return given + added === 0 ? NO_CHARS : { given, added }
}

/** Checks a read by id. For authors of logs. @throws {InvalidInputError} */
export function checkEvtsById(key: EntityKey, { from, to }: EvtsByIdOptions): void {
  checkKey(key)
  if (from !== undefined && !isCount(from))
    throw new InvalidInputError('from', from, 'a seqNo: a whole number, 0 or more')
  if (to !== undefined && !isCount(to)) throw new InvalidInputError('to', to, 'a seqNo: a whole number, 0 or more')
}

/** Checks a read by type. For authors of logs. @throws {InvalidInputError} */
export function checkEvtsByType(typeName: string, { after, slice }: EvtsByTypeOptions): void {
  checkTypeName(typeName)
  if (after !== undefined && !isCount(after))
    throw new InvalidInputError('after', after, 'a position: a whole number, 0 or more')
  for (const one of slice ?? []) {
    if (!Number.isInteger(one) || one < 0 || one >= SLICE_COUNT) {
      throw new InvalidInputError('slice', one, `whole numbers from 0 to ${SLICE_COUNT - 1}`)
    }
  }
}

/** Checks a deletion of events. For authors of logs. @throws {InvalidInputError} */
export function checkDeleteEvts(key: EntityKey, toSeqNo: number): void {
  checkKey(key)
  if (!isCount(toSeqNo)) throw new InvalidInputError('toSeqNo', toSeqNo, 'a seqNo: a whole number, 0 or more')
}

/** Checks a snapshot to be saved. For authors of stores. @throws {RefusedError} with the reason `bad-input` */
export function checkSnapshot(key: EntityKey, snapshot: Snapshot, keep = 1): void {
  asRefused(() => checkKey(key))
  if (!isCount(snapshot.seqNo) || snapshot.seqNo === 0)
    throw badInput('seqNo', snapshot.seqNo, 'a whole number, 1 or more')
  if (!APPEND_ID.test(snapshot.appendId)) throw badInput('appendId', snapshot.appendId, 'one made by appendIds()')
  if (!Number.isInteger(snapshot.version) || snapshot.version < 0 || snapshot.version > MAX_VERSION) {
    throw badInput('version', snapshot.version, `a whole number from 0 to ${MAX_VERSION}`)
  }
  if (!(snapshot.bytes instanceof Uint8Array)) throw badInput('bytes', snapshot.bytes, 'a Uint8Array')
  if (!Number.isInteger(keep) || keep < 1) throw badInput('keep', keep, 'a whole number, 1 or more')
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function badInput(field: string, value: unknown, expected: string): RefusedError {
  return new RefusedError('bad-input', `${field} is ${show(value)}: expected ${expected}`)
}

function asRefused(check: () => void): void {
  try {
    check()
  } catch (error) {
    throw new RefusedError('bad-input', messageOf(error), { cause: error })
  }
}
