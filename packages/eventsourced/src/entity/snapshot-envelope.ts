import { crc32 } from 'node:zlib'
import { EventSourcedError } from '../errors.js'
import type { RememberedCmd } from './cmd-window.js'

/*
 * The bytes of a snapshot: format (1 byte), CRC-32 of what follows (4 bytes, big-endian), length of the window (4 bytes, big-endian), the window of
 * command ids as JSON (nothing if it is empty), the state's bytes. The checksum is there since most encodings read some corrupt bytes as
 * another state without a word.
 */
const FORMAT = 1
const CHECKED_FROM = 5
const HEADER_BYTES = 9

/** What a snapshot holds. */
export interface SnapshotContent {
  readonly state: Uint8Array
  readonly window: readonly RememberedCmd[]
}

/** Wraps a state's bytes and the window of command ids for a snapshot store. */
export function sealSnapshot({ state, window }: SnapshotContent): Uint8Array {
  const windowBytes = Buffer.from(window.length === 0 ? '' : JSON.stringify(window))
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + windowBytes.byteLength + state.byteLength)
  sealed.writeUInt8(FORMAT, 0)
  sealed.writeUInt32BE(windowBytes.byteLength, CHECKED_FROM)
  sealed.set(windowBytes, HEADER_BYTES)
  sealed.set(state, HEADER_BYTES + windowBytes.byteLength)
  sealed.writeUInt32BE(crc32(sealed.subarray(CHECKED_FROM)), 1)
  return sealed
}

/** What {@link sealSnapshot} wrapped. @throws {EventSourcedError} `SNAPSHOT_UNREADABLE` */
export function openSnapshot(sealed: Uint8Array): SnapshotContent {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.byteLength < HEADER_BYTES) throw unreadable(`it has ${bytes.byteLength} bytes, fewer than its header`)
  const format = bytes.readUInt8(0)
  if (format !== FORMAT) throw unreadable(`its format is ${format}, this code reads ${FORMAT}`)
  if (crc32(bytes.subarray(CHECKED_FROM)) !== bytes.readUInt32BE(1)) throw unreadable('its checksum is wrong')
  const stateFrom = HEADER_BYTES + bytes.readUInt32BE(CHECKED_FROM)
  return { state: bytes.subarray(stateFrom), window: readWindow(bytes.toString('utf8', HEADER_BYTES, stateFrom)) }
}

function readWindow(text: string): readonly RememberedCmd[] {
  if (text === '') return []
  const window: unknown = JSON.parse(text)
  if (!Array.isArray(window) || !window.every(isRemembered)) throw unreadable('its window of command ids is malformed')
  return window
}

function isRemembered(value: unknown): value is RememberedCmd {
  return (
    typeof value === 'object' &&
    value !== null &&
    'cmdId' in value &&
    typeof value.cmdId === 'string' &&
    'seqNo' in value &&
    typeof value.seqNo === 'number' &&
    'position' in value &&
    typeof value.position === 'number' &&
    (!('reply' in value) || typeof value.reply === 'string')
  )
}

function unreadable(why: string): EventSourcedError {
  return new EventSourcedError('SNAPSHOT_UNREADABLE', `the snapshot can't be read: ${why}`)
}
