import assert from 'node:assert/strict'
import { hasCode } from '../../errors.js'
import { assertRefused, newKey } from '../fixture.js'
import {
  assertEvts,
  assertStored,
  collect,
  evtLogCase,
  knownFrom,
  newAppend,
  newGroups,
  persistAll,
  ZERO,
} from './fixture.js'

export const reopeningCases = [
  evtLogCase('all that was stored is there after closing and reopening, and goes on', async (subject) => {
    const key = newKey()
    const known = await persistAll(subject.log, key, newGroups(3))
    await subject.log.deleteEvts(key, 1)
    await subject.log.close()
    const reopened = await subject.reopen()
    assertEvts(await collect(reopened.evtsById(key)), known.slice(1))
    assert.ok((await reopened.headPosition()) >= (known.at(-1)?.position ?? Number.NaN))
    const more = await persistAll(reopened, key, newGroups(2))
    assertEvts(await collect(reopened.evtsById(key)), [...known.slice(1), ...more])
    assertEvts(await collect(reopened.evtsByType(key.typeName)), [...known.slice(1), ...more])
  }),

  evtLogCase('an append of before is known again after reopening', async (subject) => {
    const append = newAppend(newKey(), ZERO, newGroups(2))
    const first = await subject.log.persist(append)
    await subject.log.close()
    const reopened = await subject.reopen()
    assert.deepEqual(await reopened.persist(append), first)
    await assertStored(reopened, append.key, knownFrom(append, first))
  }),

  evtLogCase('closing one log leaves another to work', async (subject) => {
    const another = await subject.reopen()
    const key = newKey()
    const known = await persistAll(subject.log, key, newGroups(1))
    await subject.log.close()
    await assertStored(another, key, [...known, ...(await persistAll(another, key, newGroups(1)))])
  }),

  evtLogCase('a closed log refuses everything, and can be closed again', async ({ log }) => {
    const key = newKey()
    await persistAll(log, key, newGroups(1))
    const head = await log.head(key)
    await Promise.all([log.close(), log.close()])
    await log.close()
    await assertRefused('closed', () => log.persist(newAppend(key, head)))
    await assertRefused('closed', () => log.head(key))
    await assertRefused('closed', () => log.headPosition())
    await assertRefused('closed', () => log.deleteEvts(key, 1))
    await assertRefused('closed', () => collect(log.ids(key.typeName)))
    for (const live of [false, true]) {
      await assertRefused('closed', () => collect(log.evtsById(key, { live })))
      await assertRefused('closed', () => collect(log.evtsByType(key.typeName, { live })))
    }
  }),

  evtLogCase('what was accepted before close() is finished: stored, or refused and not stored', async (subject) => {
    const appends = Array.from({ length: 50 }, () => newAppend(newKey(), ZERO, newGroups(2)))
    const sending = appends.map((append) => subject.log.persist(append))
    const closing = subject.log.close()
    const answers = await Promise.allSettled(sending)
    await closing
    const reopened = await subject.reopen()
    for (const [index, append] of appends.entries()) {
      const answer = answers[index]
      if (answer?.status === 'fulfilled') {
        await assertStored(reopened, append.key, knownFrom(append, answer.value))
      } else {
        assert.ok(hasCode(answer?.reason, 'REFUSED'), `closed in time or finished, not ${String(answer?.reason)}`)
        await assertStored(reopened, append.key, [])
      }
    }
  }),
]
