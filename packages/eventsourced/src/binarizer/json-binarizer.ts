import { asStored } from './as-stored.js'
import type { Binarizer } from './binarizer.js'
import { checkStateVersion, type EvtUpcasters, evtVersions, typeOf } from './evt-versions.js'
import { fromJsonBytes, toJsonBytes } from './json-bytes.js'

/** How a {@link jsonBinarizer} works. */
export interface JsonBinarizerOptions<Evt> {
  /** The known event types with their upcasters. Without them all types are accepted, in version 1. */
  readonly evts?: EvtUpcasters<Evt>
  /** The type under which an event is stored; `evt.type` by default. */
  readonly evtType?: (evt: Evt) => string
  /** The version of the state's schema, 0 by default. Raise it when the state changes: older snapshots are then passed over. */
  readonly stateVersion?: number
}

/**
 * Binarizes as JSON that people can read in the log. `bigint`, Date, Uint8Array, Map, Set, `undefined`, NaN, the infinities and -0 survive
 * wherever they stand, as `{"$bigint":"7"}` and the like. What could not come back the same (instances of classes, functions,
 * symbols, cycles, arrays with holes, …) fails with `BINARIZER_FAILED` and its path, so that nothing of it is stored.
 *
 * @throws {InvalidInputError} if an option is wrong
 * @example
 * const binarizer = jsonBinarizer<Evt, State>({ evts: { Opened: [], Closed: [addReason] } })
 */
export function jsonBinarizer<Evt extends { readonly type: string }, State>(
  options?: JsonBinarizerOptions<Evt>,
): Binarizer<Evt, State>
export function jsonBinarizer<Evt, State>(
  options: JsonBinarizerOptions<Evt> & { readonly evtType: (evt: Evt) => string },
): Binarizer<Evt, State>
export function jsonBinarizer<Evt, State>(options: JsonBinarizerOptions<Evt> = {}): Binarizer<Evt, State> {
  const { evtType = typeOf, stateVersion = 0 } = options
  checkStateVersion(stateVersion)
  const versions = evtVersions(options.evts, (evt) => evtType(asStored<Evt>(evt)))
  return {
    encodeEvt(evt) {
      const type = evtType(evt)
      return { type, version: versions.today(type), bytes: toJsonBytes(evt, 'evt') }
    },
    decodeEvt({ type, version, bytes }) {
      versions.check(type, version)
      const stored = fromJsonBytes(bytes, 'evt')
      return asStored<Evt>(versions.upcast(type, version, stored))
    },
    stateVersion,
    encodeState: (state) => toJsonBytes(state, 'state'),
    decodeState: (bytes) => asStored<State>(fromJsonBytes(bytes, 'state')),
    encodeReply: (reply) => toJsonBytes(reply, 'reply'),
    decodeReply: (bytes) => fromJsonBytes(bytes, 'reply'),
  }
}
