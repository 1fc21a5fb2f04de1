import assert from 'node:assert/strict'
import { assertFails, newAppendId, newKey } from '../fixture.js'
import { assertStored, evtLogCase, knownFrom, newAppend, newEvt, newGroups, persistAll, ZERO } from './fixture.js'

export const resendCases = [
  evtLogCase('the same append sent again is stored once and answered alike', async ({ log }) => {
    const key = newKey()
    const append = newAppend(key, ZERO, [[newEvt()], [newEvt(), newEvt()]])
    const first = await log.persist(append)
    assert.deepEqual(await log.persist(append), first)
    assert.deepEqual(await log.persist(append), first)
    await assertStored(log, key, knownFrom(append, first))
  }),

  evtLogCase('the same append sent again behind other events is stored once and answered alike', async ({ log }) => {
    const key = newKey()
    const before = await persistAll(log, key, newGroups(2))
    const append = newAppend(key, await log.head(key), [[newEvt(), newEvt()]])
    const first = await log.persist(append)
    assert.deepEqual(await log.persist(append), first)
    await assertStored(log, key, [...before, ...knownFrom(append, first)])
  }),

  evtLogCase('the same append sent twice at once is stored once, and both are told so', async (subject) => {
    const another = await subject.reopen()
    for (let round = 0; round < 10; round++) {
      const key = newKey()
      const append = newAppend(key, ZERO, [[newEvt()], [newEvt(), newEvt()]])
      const [first, second] = await Promise.all([subject.log.persist(append), another.persist(append)])
      assert.deepEqual(second, first)
      await assertStored(subject.log, key, knownFrom(append, first))
    }
  }),

  evtLogCase('the same append is known again by another log, and after others have gone on', async (subject) => {
    const another = await subject.reopen()
    const key = newKey()
    const append = newAppend(key, ZERO, [[newEvt(), newEvt()]])
    const first = await subject.log.persist(append)
    assert.deepEqual(await another.persist(append), first)
    const rest = await persistAll(another, key, newGroups(3))
    assert.deepEqual(await subject.log.persist(append), first)
    await assertStored(subject.log, key, [...knownFrom(append, first), ...rest])
  }),

  evtLogCase('the same long append sent again answers the prefix that was stored the first time', async ({ log }) => {
    const key = newKey()
    const append = newAppend(
      key,
      ZERO,
      Array.from({ length: 120 }, () => [newEvt(), newEvt()]),
    )
    const first = await log.persist(append)
    assert.deepEqual(await log.persist(append), first)
    await assertStored(log, key, knownFrom(append, first))
  }),

  evtLogCase('the same content under another appendId is another append', async ({ log }) => {
    const key = newKey()
    const append = newAppend(key, ZERO)
    const known = knownFrom(append, await log.persist(append))
    await assertFails('CONFLICT', () => log.persist({ ...append, appendId: newAppendId() }))
    await assertStored(log, key, known)
  }),

  evtLogCase('an append that was refused by a conflict still conflicts when it comes again', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(1))
    const append = newAppend(key, ZERO)
    await assertFails('CONFLICT', () => log.persist(append))
    await assertFails('CONFLICT', () => log.persist(append))
    await assertStored(log, key, known)
  }),
]
