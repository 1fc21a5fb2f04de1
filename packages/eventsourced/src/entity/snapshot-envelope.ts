import { crc32 } from 'node:zlib'
import { EventSourcedError } from '../errors.js'

/*
 * The bytes of a snapshot: format (1 byte), CRC-32 of what follows (4 bytes, big-endian), the state's bytes. The checksum is there since most encodings
 * read some corrupt bytes as another state without a word.
 */
const FORMAT = 1
const HEADER_BYTES = 5

/** Wraps a state's bytes for a snapshot store. */
export function sealSnapshot(state: Uint8Array): Uint8Array {
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + state.byteLength)
  sealed.writeUInt8(FORMAT, 0)
  sealed.writeUInt32BE(crc32(state), 1)
  sealed.set(state, HEADER_BYTES)
  return sealed
}

/** The state's bytes out of a snapshot's. @throws {EventSourcedError} `SNAPSHOT_UNREADABLE` */
export function openSnapshot(sealed: Uint8Array): Uint8Array {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.byteLength < HEADER_BYTES) throw unreadable(`it has ${bytes.byteLength} bytes, fewer than its header`)
  const format = bytes.readUInt8(0)
  if (format !== FORMAT) throw unreadable(`its format is ${format}, this code reads ${FORMAT}`)
  const state = bytes.subarray(HEADER_BYTES)
  if (crc32(state) !== bytes.readUInt32BE(1)) throw unreadable('its checksum is wrong')
  return state
}

function unreadable(why: string): EventSourcedError {
  return new EventSourcedError('SNAPSHOT_UNREADABLE', `the snapshot can't be read: ${why}`)
}
