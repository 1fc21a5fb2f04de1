import { crc32 } from 'node:zlib'
import { EventSourcedError } from '../errors.js'
import type { RememberedCmd } from './cmd-window.js'

/*
 * The bytes of a snapshot: format (1 byte), CRC-32 of what follows (4 bytes, big-endian), length of the window (4 bytes, big-endian), the window of
 * command ids as JSON (nothing if it is empty), the state's bytes. The checksum is there since most encodings read some corrupt bytes as
 * another state without a word.
 */
const FORMAT = 1
/** An entity that was forgotten: there is neither a window nor a state. */
const FORGOTTEN_FORMAT = 2
const CHECKED_FROM = 5
const HEADER_BYTES = 9

/** What a snapshot holds. */
export interface SnapshotContent {
  readonly state: Uint8Array
  readonly window: readonly RememberedCmd[]
}

/** Wraps a state's bytes and the window of command ids for a snapshot store. */
export function sealSnapshot(content: SnapshotContent): Uint8Array {
  return seal(FORMAT, content)
}

/** What a snapshot store keeps of an entity that was forgotten. It needs no binarizer, which might not know the initial state. */
export function sealForgotten(): Uint8Array {
  return seal(FORGOTTEN_FORMAT, { state: new Uint8Array(0), window: [] })
}

function seal(format: number, { state, window }: SnapshotContent): Uint8Array {
  const windowBytes = Buffer.from(window.length === 0 ? '' : JSON.stringify(window))
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + windowBytes.byteLength + state.byteLength)
  sealed.writeUInt8(format, 0)
  sealed.writeUInt32BE(windowBytes.byteLength, CHECKED_FROM)
  sealed.set(windowBytes, HEADER_BYTES)
  sealed.set(state, HEADER_BYTES + windowBytes.byteLength)
  sealed.writeUInt32BE(crc32(sealed.subarray(CHECKED_FROM)), 1)
  return sealed
}

/** What {@link sealSnapshot} wrapped; nothing of an entity that was forgotten. @throws {EventSourcedError} `SNAPSHOT_UNREADABLE` */
export function openSnapshot(sealed: Uint8Array): SnapshotContent | undefined {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.byteLength < HEADER_BYTES) throw unreadable(`it has ${bytes.byteLength} bytes, fewer than its header`)
  const format = bytes.readUInt8(0)
  if (format !== FORMAT && format !== FORGOTTEN_FORMAT)
    throw unreadable(`its format ${format} is not one that this code reads`)
  if (crc32(bytes.subarray(CHECKED_FROM)) !== bytes.readUInt32BE(1)) throw unreadable('its checksum is wrong')
  if (format === FORGOTTEN_FORMAT) return undefined
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
