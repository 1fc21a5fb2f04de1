import { EventSourcedError, InvalidInputError, messageOf, show } from '../errors.js'
import type { Upcaster } from './binarizer.js'

/**
 * The event types that this code knows, and each one's upcasters: the first turns version 1 into 2, the next 2 into 3, and so on. Today's version
 * of a type is its list's length + 1. The compiler asks for each type of the union. Types that are no longer in it but still in logs stand
 * beside them, with upcasters that end in an event of today's types.
 *
 * @example
 * evts: { Increased: [], Decreased: [], Lowered: [(evt: Lowered) => ({ type: 'Decreased', dec: evt.by })] }
 */
export type EvtUpcasters<Evt> = Readonly<Record<string, readonly Upcaster[]>> &
  ([Evt] extends [{ readonly type: string }] ? Readonly<Record<Evt['type'], readonly Upcaster[]>> : unknown)

/** What a binarizer asks about versions. */
export interface EvtVersions {
  /** The version in which an event is stored today. @throws {EventSourcedError} `BINARIZER_FAILED` for a type that could not be read back */
  today(type: string): number
  /** Whether this code can read an event. @throws {EventSourcedError} `UNKNOWN_EVT_TYPE` or `EVT_TOO_NEW` */
  check(type: string, version: number): void
  /** Today's form of an event that was checked. @throws {EventSourcedError} `BINARIZER_FAILED` if an upcaster throws, or makes something else */
  upcast(type: string, version: number, evt: unknown): unknown
}

/**
 * Versions as the upcasters say; without any, all types are known and in version 1.
 *
 * @param typeOf the type of an event; may throw if that is none
 * @throws {InvalidInputError}
 */
export function evtVersions(
  upcasters: Readonly<Record<string, readonly Upcaster[]>> | undefined,
  typeOf: (evt: unknown) => string,
): EvtVersions {
  const known = new Map(Object.entries(upcasters ?? {}))
  for (const [type, list] of known) {
    if (!Array.isArray(list)) throw new InvalidInputError(`evts.${type}`, list, 'a list of upcasters, [] for none')
  }
  const find = (type: string) => (upcasters === undefined ? [] : known.get(type))
  const names = () => [...known.keys()].join(', ')

  return {
    today(type) {
      const list = find(type)
      if (list !== undefined) return list.length + 1
      throw new EventSourcedError('BINARIZER_FAILED', `the event type ${show(type)} is none of ${names()}`)
    },

    check(type, version) {
      const list = find(type)
      if (list === undefined) {
        throw new EventSourcedError(
          'UNKNOWN_EVT_TYPE',
          `an event of the type ${show(type)}: this code knows ${names()}`,
        )
      }
      const today = list.length + 1
      if (version <= today) return
      const message = `an event of the type ${show(type)} in version ${version}: this code knows versions up to ${today}`
      throw new EventSourcedError('EVT_TOO_NEW', message)
    },

    upcast(type, version, evt) {
      const list = find(type) ?? []
      if (version > list.length) return evt
      let upcasted = evt
      for (let from = version; from <= list.length; from++) upcasted = upcastOnce(list[from - 1], upcasted, type, from)
      if (isKnown(upcasted)) return upcasted
      const message = `the upcasters of ${show(type)} made ${show(upcasted)} of version ${version}: expected an event of one of the types ${names()}`
      throw new EventSourcedError('BINARIZER_FAILED', message)
    },
  }

  function isKnown(evt: unknown): boolean {
    try {
      return find(typeOf(evt)) !== undefined
    } catch {
      return false
    }
  }
}

function upcastOnce(upcaster: Upcaster | undefined, evt: unknown, type: string, version: number): unknown {
  try {
    return upcaster?.(evt)
  } catch (error) {
    const message = `the upcaster of ${show(type)} from version ${version} to ${version + 1} threw: ${messageOf(error)}`
    throw new EventSourcedError('BINARIZER_FAILED', message, { cause: error })
  }
}

/** The type of an event that is told apart by it. @throws {EventSourcedError} `BINARIZER_FAILED` if it has none */
export function typeOf(evt: unknown): string {
  const type = typeof evt === 'object' && evt !== null && 'type' in evt ? evt.type : undefined
  if (typeof type === 'string') return type
  throw new EventSourcedError('BINARIZER_FAILED', `evt.type is ${show(type)}: expected a string, or the option evtType`)
}

const MAX_VERSION = 2 ** 31 - 1

/** Checks the version of a state's schema. @throws {InvalidInputError} */
export function checkStateVersion(stateVersion: number): void {
  if (Number.isInteger(stateVersion) && stateVersion >= 0 && stateVersion <= MAX_VERSION) return
  throw new InvalidInputError('stateVersion', stateVersion, `a whole number from 0 to ${MAX_VERSION}`)
}
