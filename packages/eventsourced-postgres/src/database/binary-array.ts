/**
 * Arrays in PostgreSQL's binary form, the quickest way to hand a batch over: pg would write them as text, and escape each payload.
 * A one-dimensional array is a header of five 32-bit numbers, then each element as its length and its bytes; -1 is the length of NULL.
 */
const HEADER = 20
const OID = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, uuid: 2950, jsonb: 3802 } as const
const LOW = 2 ** 32

function withHeader(oid: number, count: number, bytes: number, hasNull = false): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + bytes)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(hasNull ? 1 : 0, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(count, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

/** `smallint[]` */
export function int2Array(values: readonly number[]): Buffer {
  const buffer = withHeader(OID.int2, values.length, values.length * 6)
  let at = HEADER
  for (const value of values) at = buffer.writeInt16BE(value, buffer.writeInt32BE(2, at))
  return buffer
}

/** `integer[]` */
export function int4Array(values: readonly number[]): Buffer {
  const buffer = withHeader(OID.int4, values.length, values.length * 8)
  let at = HEADER
  for (const value of values) at = buffer.writeInt32BE(value, buffer.writeInt32BE(4, at))
  return buffer
}

/** `bigint[]` of whole numbers from 0 to `Number.MAX_SAFE_INTEGER`. */
export function int8Array(values: readonly (number | undefined)[]): Buffer {
  const hasNull = values.includes(undefined)
  const buffer = withHeader(OID.int8, values.length, values.length * 12, hasNull)
  let at = HEADER
  for (const value of values) {
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
    } else {
      at = buffer.writeInt32BE(8, at)
      at = buffer.writeUInt32BE(Math.floor(value / LOW), at)
      at = buffer.writeUInt32BE(value % LOW, at)
    }
  }
  return buffer.subarray(0, at)
}

/** `uuid[]` of UUIDs in their usual form. */
export function uuidArray(values: readonly string[]): Buffer {
  const buffer = withHeader(OID.uuid, values.length, values.length * 20)
  let at = HEADER
  for (const value of values) {
    at = buffer.writeInt32BE(16, at)
    at += buffer.write(value.replaceAll('-', ''), at, 'hex')
  }
  return buffer
}

/** `text[]` */
export function textArray(values: readonly string[]): Buffer {
  let bytes = 0
  for (const value of values) bytes += 4 + Buffer.byteLength(value)
  const buffer = withHeader(OID.text, values.length, bytes)
  let at = HEADER
  for (const value of values) {
    const length = buffer.write(value, at + 4)
    buffer.writeInt32BE(length, at)
    at += 4 + length
  }
  return buffer
}

/** `jsonb[]` of JSON texts, or NULL. */
export function jsonbArray(values: readonly (string | undefined)[]): Buffer {
  let bytes = 0
  for (const value of values) bytes += value === undefined ? 4 : 5 + Buffer.byteLength(value)
  const buffer = withHeader(OID.jsonb, values.length, bytes, values.includes(undefined))
  let at = HEADER
  for (const value of values) {
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
    } else {
      const length = buffer.write(value, at + 5)
      buffer.writeInt32BE(length + 1, at)
      buffer[at + 4] = 1 // the version of the binary form
      at += 5 + length
    }
  }
  return buffer
}

/** `bytea[]` */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  let bytes = 0
  for (const value of values) bytes += 4 + value.byteLength
  const buffer = withHeader(OID.bytea, values.length, bytes)
  let at = HEADER
  for (const value of values) {
    at = buffer.writeInt32BE(value.byteLength, at)
    buffer.set(value, at)
    at += value.byteLength
  }
  return buffer
}
