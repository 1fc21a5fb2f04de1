import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendIds } from '../../log/append-id.js'
import type { EntityKey } from '../../log/entity-key.js'
import type { Append, EvtLog, Head, NewEvt, Persisted, PersistedEvt } from '../../log/evt-log.js'
import { comparableBytes, newAppendId } from '../fixture.js'
import { type SuiteCase, suiteCase } from '../suite-case.js'

/** An event log under test, and the world around it. */
export interface EvtLogSubject {
  readonly log: EvtLog
  /**
   * Another log over the same stored events, as another process or the next one would open it: while `log` is open, and after it is
   * closed.
   */
  reopen(): Promise<EvtLog>
  /** Closes `log` and all that were opened since, and lets go of everything that was needed for them. */
  close(): Promise<void>
  /** How many reads still hold something (a cursor, a consumer, a subscription), over all logs of the subject; if that can be told. */
  openReads?(): number | Promise<number>
}

/** An event that is known to be stored. When it was is the log's business. */
export type KnownEvt = Omit<PersistedEvt, 'time'>

export const ZERO: Head = { seqNo: 0, position: 0 }

export function evtLogCase(name: string, body: (subject: EvtLogSubject) => Promise<void>): SuiteCase<EvtLogSubject> {
  return suiteCase(name, body)
}

export function newEvt(over: Partial<NewEvt> = {}): NewEvt {
  return { type: 'Happened', version: 1, bytes: Buffer.from(randomUUID()), metadata: {}, ...over }
}

/** That many groups of one event each. */
export function newGroups(count: number): NewEvt[][] {
  return Array.from({ length: count }, () => [newEvt()])
}

export function newAppend(
  key: EntityKey,
  expected: Head,
  groups: readonly (readonly NewEvt[])[] = newGroups(1),
): Append {
  return { key, expected, appendId: newAppendId(), groups }
}

/** Stores all groups behind the entity's head, in as many appends as the log makes of them. */
export async function persistAll(
  log: EvtLog,
  key: EntityKey,
  groups: readonly (readonly NewEvt[])[],
): Promise<KnownEvt[]> {
  const nextAppendId = appendIds()
  const known: KnownEvt[] = []
  let expected: Head = await log.head(key)
  for (let next = 0; next < groups.length; ) {
    const append = { key, expected, appendId: nextAppendId(), groups: groups.slice(next) }
    const persisted = await log.persist(append)
    known.push(...knownFrom(append, persisted))
    expected = persisted.head
    next += persisted.groups
  }
  return known
}

/** Checks the answer to an append, and tells which events it says are stored. */
export function knownFrom({ key, expected, appendId, groups }: Append, persisted: Persisted): KnownEvt[] {
  assert.ok(persisted.groups >= 1 && persisted.groups <= groups.length, 'at least one group is stored, at most all')
  const evts = groups.slice(0, persisted.groups).flat()
  assert.equal(persisted.positions.length, evts.length, 'each stored event has its position in the answer')
  assertGrowing([expected.position, ...persisted.positions])
  const known = evts.map((evt, index) => ({
    ...evt,
    key,
    appendId,
    seqNo: expected.seqNo + index + 1,
    position: persisted.positions[index] ?? Number.NaN,
  }))
  assertHead(persisted.head, known.at(-1))
  return known
}

export function assertHead(head: Head, last: Head | undefined): void {
  const { seqNo, position } = last ?? ZERO
  assert.deepEqual({ seqNo: head.seqNo, position: head.position }, { seqNo, position }, 'the head is the last event')
}

export function assertGrowing(positions: readonly number[]): void {
  positions.forEach((position, index) => {
    assert.ok(Number.isSafeInteger(position), `position ${position} is a safe integer`)
    const before = positions[index - 1] ?? -1
    assert.ok(position > before, `positions grow, but ${position} comes after ${before}`)
  })
}

/** That these are the events, all of them, once each and in this order. */
export function assertEvts(actual: readonly PersistedEvt[], expected: readonly KnownEvt[]): void {
  for (const evt of actual) {
    assert.ok(evt.bytes instanceof Uint8Array, 'bytes are a Uint8Array')
    assert.ok(evt.time instanceof Date && !Number.isNaN(evt.time.getTime()), 'time is a Date')
  }
  assert.deepEqual(actual.map(comparable), expected.map(comparable))
}

/** Logs may answer with a Buffer, or with an object without a prototype. */
function comparable({ key, seqNo, position, appendId, type, version, bytes, metadata }: KnownEvt): unknown {
  const { typeName, id } = key
  const entries = Object.entries(metadata).sort(([left], [right]) => (left < right ? -1 : 1))
  return { typeName, id, seqNo, position, appendId, type, version, bytes: comparableBytes(bytes), metadata: entries }
}

export async function assertStored(log: EvtLog, key: EntityKey, expected: readonly KnownEvt[]): Promise<void> {
  assertEvts(await collect(log.evtsById(key)), expected)
  assertHead(await log.head(key), expected.at(-1))
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

/** The first so many; then the read is left, as by any consumer that has enough. */
export async function take<Item>(count: number, items: AsyncIterable<Item>): Promise<Item[]> {
  const taken: Item[] = []
  for await (const item of items) if (taken.push(item) === count) break
  return taken
}
