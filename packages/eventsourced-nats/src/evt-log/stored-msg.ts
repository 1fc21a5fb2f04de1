import type { Fields } from '../wire/header-block.js'

/** A message of the stream, however it was read. */
export interface StoredMsg {
  readonly subject: string
  /** Its sequence in the stream. */
  readonly seq: number
  readonly time: Date
  readonly headers: Fields
  readonly data: Uint8Array
}
