/**
 * Arrays in PostgreSQL's binary form, the quickest way to hand a batch over: pg would write them as text, and escape each payload.
 * A one-dimensional array is a header of five 32-bit numbers, then each element as its length and its bytes; -1 is the length of NULL.
 */
const HEADER = 20
const OID = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, uuid: 2950, jsonb: 3802 } as const
const LOW = 2 ** 32

interface Target {
  readonly buffer: Buffer
  /** The same memory: its setters are quicker than the buffer's. Big-endian, as the protocol is. */
  readonly view: DataView
}

function target(oid: number, count: number, bytes: number, hasNull = false): Target {
  const buffer = Buffer.allocUnsafe(HEADER + bytes)
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  for (const [index, number] of [1, hasNull ? 1 : 0, oid, count, 1].entries()) view.setInt32(4 * index, number)
  return { buffer, view }
}

/** `smallint[]` */
export function int2Array(values: readonly number[]): Buffer {
  const { buffer, view } = target(OID.int2, values.length, values.length * 6)
  let at = HEADER
  for (const value of values) {
    view.setInt32(at, 2)
    view.setInt16(at + 4, value)
    at += 6
  }
  return buffer
}

/** `integer[]` */
export function int4Array(values: readonly number[]): Buffer {
  const { buffer, view } = target(OID.int4, values.length, values.length * 8)
  let at = HEADER
  for (const value of values) {
    view.setInt32(at, 4)
    view.setInt32(at + 4, value)
    at += 8
  }
  return buffer
}

/** `bigint[]` of whole numbers from 0 to `Number.MAX_SAFE_INTEGER`, or NULL. */
export function int8Array(values: readonly (number | undefined)[]): Buffer {
  const { buffer, view } = target(OID.int8, values.length, values.length * 12, values.includes(undefined))
  let at = HEADER
  for (const value of values) {
    if (value === undefined) {
      view.setInt32(at, -1)
      at += 4
    } else {
      view.setInt32(at, 8)
      view.setUint32(at + 4, Math.floor(value / LOW))
      view.setUint32(at + 8, value % LOW)
      at += 12
    }
  }
  return buffer.subarray(0, at)
}

/** `uuid[]` of UUIDs in lower case, or of texts that begin with one. */
export function uuidArray(values: readonly string[]): Buffer {
  const { buffer, view } = target(OID.uuid, values.length, values.length * 20)
  let at = HEADER
  for (const value of values) {
    view.setInt32(at, 16)
    writeUuid(buffer, value, at + 4)
    at += 20
  }
  return buffer
}

const NIBBLES = Uint8Array.from({ length: 128 }, (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0)
/** Where the bytes of a UUID stand in its text. */
const BYTES_OF_UUID = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

/** Quicker than taking out the dashes first. */
function writeUuid(buffer: Buffer, uuid: string, at: number): void {
  let to = at
  for (const from of BYTES_OF_UUID) {
    const high = NIBBLES[uuid.charCodeAt(from)] ?? 0
    const low = NIBBLES[uuid.charCodeAt(from + 1)] ?? 0
    buffer[to++] = (high << 4) | low
  }
}

/** `text[]` */
export function textArray(values: readonly string[]): Buffer {
  let bytes = 0
  for (const value of values) bytes += 4 + Buffer.byteLength(value)
  const { buffer, view } = target(OID.text, values.length, bytes)
  let at = HEADER
  for (const value of values) {
    const length = buffer.write(value, at + 4)
    view.setInt32(at, length)
    at += 4 + length
  }
  return buffer
}

/** `jsonb[]` of JSON texts, or NULL. */
export function jsonbArray(values: readonly (string | undefined)[]): Buffer {
  let bytes = 0
  for (const value of values) bytes += value === undefined ? 4 : 5 + Buffer.byteLength(value)
  const { buffer, view } = target(OID.jsonb, values.length, bytes, values.includes(undefined))
  let at = HEADER
  for (const value of values) {
    if (value === undefined) {
      view.setInt32(at, -1)
      at += 4
    } else {
      const length = buffer.write(value, at + 5)
      view.setInt32(at, length + 1)
      view.setUint8(at + 4, 1) // the version of the binary form
      at += 5 + length
    }
  }
  return buffer
}

/** `bytea[]` */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  let bytes = 0
  for (const value of values) bytes += 4 + value.byteLength
  const { buffer, view } = target(OID.bytea, values.length, bytes)
  let at = HEADER
  for (const value of values) {
    view.setInt32(at, value.byteLength)
    buffer.set(value, at + 4)
    at += 4 + value.byteLength
  }
  return buffer
}
