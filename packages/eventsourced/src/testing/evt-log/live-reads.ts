import assert from 'node:assert/strict'
import { sliceOf } from '../../log/slice.js'
import { newKey, newTypeName } from '../fixture.js'
import { assertEvts, collect, evtLogCase, newEvt, newGroups, persistAll, take } from './fixture.js'
import { follow } from './follower.js'

export const liveReadCases = [
  evtLogCase('a live read by id starts in the past and goes on without gap or repeat', async (subject) => {
    const { log } = subject
    const another = await subject.reopen()
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    const follower = follow((signal) => log.evtsById(key, { live: true, signal }))
    for (let round = 0; round < 10; round++) {
      known.push(...(await persistAll(round % 2 === 0 ? log : another, key, [[newEvt()], [newEvt(), newEvt()]])))
      if (round % 3 === 0) await follower.seen(known.length)
    }
    await follower.seen(known.length)
    assertEvts(await follower.stop(), known)
  }),

  evtLogCase('a live read by type starts in the past and goes on without gap or repeat', async (subject) => {
    const { log } = subject
    const another = await subject.reopen()
    const typeName = newTypeName()
    const keys = [newKey(typeName), newKey(typeName), newKey(typeName)]
    const known = []
    for (const key of keys) known.push(...(await persistAll(log, key, newGroups(2))))
    const follower = follow((signal) => log.evtsByType(typeName, { live: true, signal }))
    for (let round = 0; round < 5; round++) {
      for (const key of keys) {
        known.push(...(await persistAll(round % 2 === 0 ? log : another, key, [[newEvt(), newEvt()]])))
        await persistAll(log, newKey(), newGroups(1))
      }
      if (round % 2 === 0) await follower.seen(known.length)
    }
    await follower.seen(known.length)
    assertEvts(await follower.stop(), known)
  }),

  evtLogCase('live reads of what has no events yet wait for the first', async ({ log }) => {
    const key = newKey()
    const byId = follow((signal) => log.evtsById(key, { live: true, signal }))
    const byType = follow((signal) => log.evtsByType(key.typeName, { live: true, signal }))
    await persistAll(log, newKey(), newGroups(1))
    const known = await persistAll(log, key, newGroups(2))
    await byId.seen(2)
    await byType.seen(2)
    assertEvts(await byId.stop(), known)
    assertEvts(await byType.stop(), known)
  }),

  evtLogCase('live reads begin where they are told, also in the future', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    const fromPast = follow((signal) => log.evtsById(key, { from: 2, live: true, signal }))
    const fromFuture = follow((signal) => log.evtsById(key, { from: 6, live: true, signal }))
    const after = known[1]?.position ?? 0
    const afterPast = follow((signal) => log.evtsByType(key.typeName, { after, live: true, signal }))
    const last = await log.headPosition()
    const afterNow = follow((signal) => log.evtsByType(key.typeName, { after: last, live: true, signal }))
    for (let round = 0; round < 4; round++) known.push(...(await persistAll(log, key, newGroups(1))))
    await fromPast.seen(6)
    await fromFuture.seen(2)
    await afterPast.seen(5)
    await afterNow.seen(4)
    assertEvts(await fromPast.stop(), known.slice(1))
    assertEvts(await fromFuture.stop(), known.slice(5))
    assertEvts(await afterPast.stop(), known.slice(2))
    assertEvts(await afterNow.stop(), known.slice(3))
  }),

  evtLogCase('a live read by id that has an end ends there', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    assertEvts(await collect(log.evtsById(key, { to: 2, live: true })), known.slice(0, 2))
    assertEvts(await collect(log.evtsById(key, { to: 3, live: true })), known)
    assertEvts(await collect(log.evtsById(key, { from: 3, to: 2, live: true })), [])
    const follower = follow((signal) => log.evtsById(key, { from: 2, to: 5, live: true, signal }))
    for (let round = 0; round < 3; round++) known.push(...(await persistAll(log, key, newGroups(1))))
    await follower.ended()
    assertEvts(follower.evts, known.slice(1, 5))
  }),

  evtLogCase('a live read of some slices gets their events only', async ({ log }) => {
    const typeName = newTypeName()
    const keys = Array.from({ length: 24 }, () => newKey(typeName))
    const slice = [...new Set(keys.map(({ id }) => sliceOf(id)))].filter((_, index) => index % 2 === 0)
    const follower = follow((signal) => log.evtsByType(typeName, { slice, live: true, signal }))
    const known = []
    for (const key of [...keys, ...keys]) known.push(...(await persistAll(log, key, newGroups(1))))
    const expected = known.filter(({ key }) => slice.includes(sliceOf(key.id)))
    await follower.seen(expected.length)
    assertEvts(await follower.stop(), expected)
  }),

  evtLogCase('a live read of no slices gives nothing and ends or waits for its signal', async ({ log }) => {
    const typeName = newTypeName()
    const abort = new AbortController()
    const reading = collect(log.evtsByType(typeName, { slice: [], live: true, signal: abort.signal })).catch(
      (error: unknown) => error,
    )
    await persistAll(log, newKey(typeName), newGroups(1))
    const reason = new Error('enough')
    abort.abort(reason)
    const outcome = await reading
    assert.ok(outcome === reason || (Array.isArray(outcome) && outcome.length === 0), String(outcome))
  }),

  evtLogCase('several live readers of one entity each see everything', async ({ log }) => {
    const key = newKey()
    const followers = Array.from({ length: 5 }, () => follow((signal) => log.evtsById(key, { live: true, signal })))
    const known = []
    for (let round = 0; round < 5; round++) known.push(...(await persistAll(log, key, newGroups(2))))
    for (const follower of followers) {
      await follower.seen(known.length)
      assertEvts(await follower.stop(), known)
    }
  }),

  evtLogCase('a slow consumer of a live read gets everything all the same', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(1))
    const slow = log.evtsByType(key.typeName, { live: true })[Symbol.asyncIterator]()
    const seen = [await slow.next()]
    for (let round = 0; round < 30; round++) known.push(...(await persistAll(log, key, newGroups(5))))
    while (seen.length < known.length) seen.push(await slow.next())
    await slow.return?.()
    assertEvts(
      seen.flatMap(({ value, done }) => (done === true ? [] : [value])),
      known,
    )
  }),

  evtLogCase('a live read that is left at its first event has read that one', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(2))
    assertEvts(await take(1, log.evtsById(key, { live: true })), known.slice(0, 1))
    assertEvts(await take(1, log.evtsByType(key.typeName, { live: true })), known.slice(0, 1))
  }),
]
