import assert from 'node:assert/strict'
import { hasCode } from '../../errors.js'
import { assertFails, assertFailsAny, newKey } from '../fixture.js'
import {
  assertEvts,
  collect,
  type EvtLogSubject,
  evtLogCase,
  type KnownEvt,
  newAppend,
  newGroups,
  persistAll,
  ZERO,
} from './fixture.js'
import { follow } from './follower.js'

type Log = EvtLogSubject['log']

export const deletionCases = [
  ...[0, 1, 3, 4, 5, 6, 1_000, Number.MAX_SAFE_INTEGER].map((toSeqNo) =>
    evtLogCase(`of five events those up to ${toSeqNo} are deleted, and the head survives`, async ({ log }) => {
      const key = newKey()
      const other = newKey(key.typeName)
      const known = await persistAll(log, key, newGroups(5))
      const ofOther = await persistAll(log, other, newGroups(2))
      await log.deleteEvts(key, toSeqNo)
      const left = known.filter(({ seqNo }) => seqNo > toSeqNo)
      await assertLeft(log, known, left)
      assertEvts(await collect(log.evtsByType(key.typeName)), [...left, ...ofOther])
      const more = await persistAll(log, key, newGroups(2))
      assert.deepEqual(
        more.map(({ seqNo }) => seqNo),
        [6, 7],
      )
      await assertLeft(log, [...known, ...more], [...left, ...more])
      assertEvts(await collect(log.evtsByType(key.typeName)), [...left, ...ofOther, ...more])
    }),
  ),

  evtLogCase('a deletion can be repeated, and one that asks for less does nothing', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(5))
    for (const toSeqNo of [3, 3, 1, 0]) {
      await log.deleteEvts(key, toSeqNo)
      await assertLeft(log, known, known.slice(3))
    }
    for (const toSeqNo of [5, 5, 9, 2]) {
      await log.deleteEvts(key, toSeqNo)
      await assertLeft(log, known, [])
    }
  }),

  evtLogCase('a deletion for an unknown entity does nothing', async ({ log }) => {
    const key = newKey()
    await log.deleteEvts(key, 5)
    assert.deepEqual({ ...(await log.head(key)) }, { ...ZERO, appendId: '' })
    const known = await persistAll(log, key, newGroups(2))
    await assertLeft(log, known, known)
  }),

  evtLogCase('an entity goes on and on after its events are deleted again and again', async ({ log }) => {
    const key = newKey()
    const known = []
    for (let round = 1; round <= 5; round++) {
      known.push(...(await persistAll(log, key, newGroups(2))))
      await log.deleteEvts(key, round * 2)
      await assertLeft(log, known, [])
    }
  }),

  evtLogCase('ranges that touch deleted events give what is left', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(6))
    await log.deleteEvts(key, 3)
    for (const [from, to] of [
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 5],
      [3, 3],
      [4, 4],
      [5, 9],
    ] as const) {
      const expected = known.filter(({ seqNo }) => seqNo > 3 && seqNo >= from && seqNo <= to)
      assertEvts(await collect(log.evtsById(key, { from, to })), expected)
    }
  }),

  evtLogCase('the fence stands though the events are deleted', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    await log.deleteEvts(key, 3)
    const { seqNo, position } = await log.head(key)
    for (const tooHigh of [position, position + 1]) {
      const expected = { seqNo: seqNo + 1, position: tooHigh }
      await assertFails('CONFLICT', () => log.persist(newAppend(key, expected, newGroups(5))))
    }
    for (const tooLow of [ZERO, ...known.slice(0, 2)]) {
      const expected = { seqNo: tooLow.seqNo, position: tooLow.position }
      // Whose event was deleted, and so whether this append was stored before, a log may no longer know.
      await assertFailsAny(['CONFLICT', 'UNCERTAIN'], () => log.persist(newAppend(key, expected, newGroups(5))))
    }
    await assertLeft(log, known, [])
  }),

  evtLogCase('what one log deletes another no longer reads', async (subject) => {
    const another = await subject.reopen()
    const key = newKey()
    const known = await persistAll(subject.log, key, newGroups(4))
    await assertLeft(another, known, known)
    await subject.log.deleteEvts(key, 2)
    await assertLeft(another, known, known.slice(2))
    await another.deleteEvts(key, 4)
    await assertLeft(subject.log, known, [])
    const more = await persistAll(another, key, newGroups(1))
    await assertLeft(subject.log, [...known, ...more], more)
  }),

  evtLogCase('live reads go on over a deletion, of what they have read and of the newest event', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    const byId = follow((signal) => log.evtsById(key, { live: true, signal }))
    const byType = follow((signal) => log.evtsByType(key.typeName, { live: true, signal }))
    for (const toSeqNo of [2, 4]) {
      await byId.seen(known.length)
      await byType.seen(known.length)
      await log.deleteEvts(key, toSeqNo)
      known.push(...(await persistAll(log, key, newGroups(1))))
    }
    await byId.seen(known.length)
    await byType.seen(known.length)
    assertEvts(await byId.stop(), known)
    assertEvts(await byType.stop(), known)
  }),

  evtLogCase('live reads that begin where all is deleted wait for what comes', async ({ log }) => {
    const key = newKey()
    await persistAll(log, key, newGroups(3))
    await log.deleteEvts(key, 3)
    const byId = follow((signal) => log.evtsById(key, { live: true, signal }))
    const byType = follow((signal) => log.evtsByType(key.typeName, { live: true, signal }))
    const more = await persistAll(log, key, newGroups(2))
    await byId.seen(2)
    await byType.seen(2)
    assertEvts(await byId.stop(), more)
    assertEvts(await byType.stop(), more)
  }),

  evtLogCase('a live read by id that has an end ends there, though that event is deleted', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(4))
    await log.deleteEvts(key, 2)
    assertEvts(await collect(log.evtsById(key, { to: 2, live: true })), [])
    assertEvts(await collect(log.evtsById(key, { to: 3, live: true })), known.slice(2, 3))
    await log.deleteEvts(key, 4)
    assertEvts(await collect(log.evtsById(key, { to: 3, live: true })), [])
    assertEvts(await collect(log.evtsById(key, { to: 4, live: true })), [])
  }),

  evtLogCase('deletions beside appends lose none of the appended events', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(1))
    const [more] = await Promise.all([
      (async () => {
        const appended = []
        for (let round = 0; round < 20; round++) appended.push(...(await appendOne(log, known[0]?.key ?? key)))
        return appended
      })(),
      (async () => {
        for (let round = 0; round < 20; round++) await log.deleteEvts(key, 1)
      })(),
    ])
    await assertLeft(log, [...known, ...more], more)
  }),
]

/** Appends one event; a deletion beside it may move the head's position, which is a conflict to read past. */
async function appendOne(log: Log, key: KnownEvt['key'], attempts = 100): Promise<KnownEvt[]> {
  try {
    return await persistAll(log, key, newGroups(1))
  } catch (error) {
    if (!hasCode(error, 'CONFLICT') || attempts === 0) throw error
    return appendOne(log, key, attempts - 1)
  }
}

/**
 * That of the events known to be stored these are left, and that the head is the last one's. A tombstone may stand at a position of
 * its own, behind the event that it replaces.
 */
async function assertLeft(log: Log, known: readonly KnownEvt[], left: readonly KnownEvt[]): Promise<void> {
  const [first, last] = [known[0], known.at(-1)]
  assert.ok(first && last)
  assertEvts(await collect(log.evtsById(first.key)), left)
  const head = await log.head(first.key)
  assert.deepEqual([head.seqNo, head.appendId], [last.seqNo, last.appendId], 'the head survives')
  if (left.length > 0) assert.equal(head.position, last.position, 'the head is the last event')
  assert.ok(head.position >= last.position, 'positions only grow')
}
