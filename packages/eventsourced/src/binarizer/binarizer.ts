/** An event as a log stores it. */
export interface EncodedEvt {
  readonly type: string
  readonly version: number
  readonly bytes: Uint8Array
}

/**
 * Turns events, state and replies into bytes and back. It works in the entity and in the projection, never in the log.
 *
 * Encoding a value that would not come back the same throws, and so nothing is stored. Decoding fails with `UNKNOWN_EVT_TYPE`, `EVT_TOO_NEW` or
 * `BINARIZER_FAILED`. The bytes that an encoder returns are its caller's: later calls don't change them.
 */
export interface Binarizer<Evt, State> {
  encodeEvt(evt: Evt): EncodedEvt
  /** Today's form of an event, whatever version it was stored in. */
  decodeEvt(encoded: EncodedEvt): Evt
  /** The version of the state's schema: snapshots of another one are passed over. */
  readonly stateVersion: number
  encodeState(state: State): Uint8Array
  decodeState(bytes: Uint8Array): State
  /** Replies are stored with events when a command has an id, so that it can be answered again. */
  encodeReply(reply: unknown): Uint8Array
  decodeReply(bytes: Uint8Array): unknown
}

/**
 * Turns an event of one version into the next one's form. It gets what was stored, so its parameter may say what that version looked like.
 *
 * @example
 * const addReason: Upcaster = (evt: { readonly type: 'Closed' }) => ({ ...evt, reason: 'unknown' })
 */
// As a method's type, since a function's would only take functions of `unknown`.
export type Upcaster = { upcast(evt: unknown): unknown }['upcast']
