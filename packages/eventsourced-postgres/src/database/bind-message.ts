import type { Parameter } from './statement.js'

/** Execute of the unnamed portal, all of its rows, as it goes over the wire. */
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
/** Sync: the server answers what went before, and commits it unless a transaction was begun. */
export const SYNC = Buffer.from([0x53, 0, 0, 0, 4])
/** Parse, Bind, and Execute of a COMMIT, and Sync. Should what went before it fail the server passes over all but the last. */
export const COMMIT_AND_SYNC = Buffer.concat([
  Buffer.from([0x50, 0, 0, 0, 14, 0]),
  Buffer.from('COMMIT\0'),
  Buffer.from([0, 0]),
  Buffer.from([0x42, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]),
  EXECUTE,
  SYNC,
])
const BIND = 0x42
/** What a Bind has besides the statement's name and the values: code, length, two ends of names, two counts, the format of what comes back. */
const FRAME = 1 + 4 + 1 + 1 + 2 + 2 + 4

/**
 * Bind and Execute of a prepared statement and what goes behind them, as one message of just its size. `pg` has a buffer grow value by value: several times the memory, all of it
 * outside of the heap, where some megabytes more have a major collection begin.
 */
export function bindAndExecute(name: string, values: readonly Parameter[], behind: Buffer): Buffer {
  const sent = values.map((value) => (value === null || Buffer.isBuffer(value) ? value : String(value)))
  let length = FRAME + Buffer.byteLength(name) + 6 * sent.length
  for (const value of sent) length += value === null ? 0 : Buffer.byteLength(value)
  const message = Buffer.allocUnsafe(length + EXECUTE.length + behind.length)
  let at = message.writeUInt8(BIND)
  at = message.writeInt32BE(length - 1, at)
  at = message.writeUInt8(0, at)
  at += message.write(name, at)
  at = message.writeUInt8(0, at)
  at = message.writeInt16BE(sent.length, at)
  for (const value of sent) at = message.writeInt16BE(Buffer.isBuffer(value) ? 1 : 0, at)
  at = message.writeInt16BE(sent.length, at)
  for (const value of sent) {
    if (value === null) {
      at = message.writeInt32BE(-1, at)
    } else {
      const start = at + 4
      at = start + (Buffer.isBuffer(value) ? value.copy(message, start) : message.write(value, start))
      message.writeInt32BE(at - start, start - 4)
    }
  }
  at = message.writeInt16BE(1, at)
  at = message.writeInt16BE(0, at)
  at += EXECUTE.copy(message, at)
  behind.copy(message, at)
  return message
}
