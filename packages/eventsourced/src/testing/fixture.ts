import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, hasCode, type RefusedReason } from '../errors.js'
import { appendIds } from '../log/append-id.js'
import type { EntityKey } from '../log/entity-key.js'

/** A type name that no other case has: cases may share a database. */
export function newTypeName(): string {
  return `t-${randomUUID()}`
}

export function newKey(typeName = newTypeName()): EntityKey {
  return { typeName, id: randomUUID() }
}

/** A lone appendId, for a writer of one append. */
export function newAppendId(): string {
  return appendIds()()
}

const SHOWN_BYTES = 64

/** Bytes as they can be compared, whether a store answers with a Buffer or not, and shown where they differ. */
export function comparableBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length <= SHOWN_BYTES) return buffer.toString('hex')
  return `${buffer.length} bytes of SHA-256 ${createHash('sha256').update(buffer).digest('hex')}`
}

/** That an action fails with the code given, whether it throws or rejects. */
export async function assertFails(code: ErrorCode, action: () => Promise<unknown>): Promise<void> {
  await assertFailsAny([code], action)
}

export async function assertFailsAny(codes: readonly ErrorCode[], action: () => Promise<unknown>): Promise<void> {
  await assert.rejects(
    async () => action(),
    (error) =>
      codes.some((code) => hasCode(error, code)) || assert.fail(`expected ${codes.join(' or ')}, got ${String(error)}`),
  )
}

export async function assertRefused(reason: RefusedReason, action: () => Promise<unknown>): Promise<void> {
  await assert.rejects(
    async () => action(),
    (error) => isRefused(error, reason) || assert.fail(`expected refused, ${reason}, got ${String(error)}`),
  )
}

function isRefused(error: unknown, reason: RefusedReason): boolean {
  return hasCode(error, 'REFUSED') && 'reason' in error && error.reason === reason
}

/** Lets work go on beside the case: if the case fails first, nobody is left to hear of the work's failure. */
export function beside<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => undefined)
  return work
}

const PATIENCE_MS = 20_000

/** Waits for a condition, within bounds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = Date.now(); !(await condition()); await sleep(5)) {
    assert.ok(Date.now() - start < PATIENCE_MS, `still not so after ${PATIENCE_MS} ms: ${what}`)
  }
}
