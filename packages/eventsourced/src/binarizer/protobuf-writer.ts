import Long from 'long'
import protobuf from 'protobufjs/minimal.js'
import { show } from '../errors.js'

type Writer = protobuf.Writer
type Range = readonly [min: bigint, max: bigint]

const UINT64: Range = [0n, 2n ** 64n - 1n]
const INT64: Range = [-(2n ** 63n), 2n ** 63n - 1n]
const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * A writer that takes 64-bit integers as `bigint`, and refuses whatever a field of its kind can't hold exactly. Protobufjs' own writes 0 for a
 * `bigint`, wraps what is out of range, and turns other types into something.
 *
 * After it threw, a writer must not be used again: the message that it was in is still open.
 */
export class ExactWriter extends protobuf.BufferWriter {
  override uint64(value: unknown): Writer {
    return super.uint64(long(value, UINT64))
  }
  override int64(value: unknown): Writer {
    return super.int64(long(value, INT64))
  }
  override sint64(value: unknown): Writer {
    return super.sint64(long(value, INT64))
  }
  override fixed64(value: unknown): Writer {
    return super.fixed64(long(value, UINT64))
  }
  override sfixed64(value: unknown): Writer {
    return super.sfixed64(long(value, INT64))
  }
  override uint32(value: unknown): Writer {
    return super.uint32(uint32(value))
  }
  override int32(value: unknown): Writer {
    return super.int32(int32(value))
  }
  override sint32(value: unknown): Writer {
    return super.sint32(int32(value))
  }
  override fixed32(value: unknown): Writer {
    return super.fixed32(uint32(value))
  }
  override sfixed32(value: unknown): Writer {
    return super.sfixed32(int32(value))
  }
  override float(value: unknown): Writer {
    return super.float(float(value))
  }
  override double(value: unknown): Writer {
    return super.double(double(value))
  }
  override bool(value: unknown): Writer {
    return super.bool(bool(value))
  }
  override string(value: unknown): Writer {
    return super.string(string(value))
  }
  override bytes(value: unknown): Writer {
    return super.bytes(bytes(value))
  }

  override uint64s(values: readonly unknown[]): Writer {
    return super.uint64s(values.map((value) => long(value, UINT64)))
  }
  override int64s(values: readonly unknown[]): Writer {
    return super.int64s(values.map((value) => long(value, INT64)))
  }
  override sint64s(values: readonly unknown[]): Writer {
    return super.sint64s(values.map((value) => long(value, INT64)))
  }
  override fixed64s(values: readonly unknown[]): Writer {
    return super.fixed64s(values.map((value) => long(value, UINT64)))
  }
  override sfixed64s(values: readonly unknown[]): Writer {
    return super.sfixed64s(values.map((value) => long(value, INT64)))
  }
  override uint32s(values: readonly unknown[]): Writer {
    return super.uint32s(values.map(uint32))
  }
  override int32s(values: readonly unknown[]): Writer {
    return super.int32s(values.map(int32))
  }
  override sint32s(values: readonly unknown[]): Writer {
    return super.sint32s(values.map(int32))
  }
  override fixed32s(values: readonly unknown[]): Writer {
    return super.fixed32s(values.map(uint32))
  }
  override sfixed32s(values: readonly unknown[]): Writer {
    return super.sfixed32s(values.map(int32))
  }
  override floats(values: readonly unknown[]): Writer {
    return super.floats(values.map(float))
  }
  override doubles(values: readonly unknown[]): Writer {
    return super.doubles(values.map(double))
  }
  override bools(values: readonly unknown[]): Writer {
    return super.bools(values.map(bool))
  }
}

function long(value: unknown, [min, max]: Range): number | Long {
  if (typeof value !== 'bigint' || value < min || value > max) {
    throw new RangeError(`expected a bigint from ${min} to ${max}, not ${show(value)}`)
  }
  if (value <= SAFE && value >= -SAFE) return Number(value)
  return Long.fromBits(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), min === 0n)
}

function uint32(value: unknown): number {
  if (typeof value === 'number' && value >>> 0 === value) return value
  throw new RangeError(`expected a whole number from 0 to ${2 ** 32 - 1}, not ${show(value)}`)
}

function int32(value: unknown): number {
  if (typeof value === 'number' && (value | 0) === value) return value
  throw new RangeError(`expected a whole number from ${-(2 ** 31)} to ${2 ** 31 - 1}, not ${show(value)}`)
}

function float(value: unknown): number {
  if (typeof value === 'number' && Object.is(Math.fround(value), value)) return value
  throw new RangeError(`expected a number that 32 bits hold exactly, not ${show(value)}`)
}

function double(value: unknown): number {
  if (typeof value === 'number') return value
  throw new TypeError(`expected a number, not ${show(value)}`)
}

function bool(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`expected a boolean, not ${show(value)}`)
}

function string(value: unknown): string {
  if (typeof value === 'string' && value.isWellFormed()) return value
  throw new TypeError(`expected text without lone surrogates, not ${show(value)}`)
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new TypeError(`expected a Uint8Array, not ${show(value)}`)
}
