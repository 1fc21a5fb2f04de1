import { newKey } from '../fixture.js'
import { newEvt, assertEvts, collect, evtLogCase, newGroups, persistAll, take } from './fixture.js'

export const readByIdCases = [
  evtLogCase('reads by id give the events of every range, both ends included', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(4))
    const bounds = [undefined, 0, 1, 2, 3, 4, 5, 6]
    for (const from of bounds) {
      for (const to of bounds) {
        const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
        const expected = known.filter(({ seqNo }) => seqNo >= (from ?? 0) && seqNo <= (to ?? Infinity))
        assertEvts(await collect(log.evtsById(key, range)), expected)
      }
    }
  }),

  evtLogCase('bounds far beyond the events give what there is', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(2))
    const far = Number.MAX_SAFE_INTEGER
    assertEvts(await collect(log.evtsById(key, { to: far })), known)
    assertEvts(await collect(log.evtsById(key, { from: far })), [])
    assertEvts(await collect(log.evtsById(key, { from: far, to: far })), [])
    assertEvts(await collect(log.evtsById(key, { from: far, to: 1 })), [])
  }),

  evtLogCase('any range of an unknown entity is empty', async ({ log }) => {
    const key = newKey()
    await persistAll(log, newKey(key.typeName), newGroups(2))
    for (const range of [{}, { from: 1 }, { to: 1 }, { from: 1, to: 2 }, { from: 2, to: 1 }]) {
      assertEvts(await collect(log.evtsById(key, range)), [])
    }
  }),

  evtLogCase('a long history is read whole and in order, by one reader and by several at once', async ({ log }) => {
    const key = newKey()
    const groups = Array.from({ length: 120 }, () => Array.from({ length: 10 }, () => newEvt()))
    const known = await persistAll(log, key, groups)
    const [all, ...parts] = await Promise.all([
      collect(log.evtsById(key)),
      collect(log.evtsById(key, { to: 400 })),
      collect(log.evtsById(key, { from: 401, to: 1_000 })),
      collect(log.evtsById(key, { from: 1_001 })),
    ])
    assertEvts(all, known)
    assertEvts(parts.flat(), known)
  }),

  evtLogCase('a read sees everything that was acknowledged before it began, on any log', async (subject) => {
    const another = await subject.reopen()
    const key = newKey()
    const known = []
    for (let round = 0; round < 10; round++) {
      known.push(...(await persistAll(round % 2 === 0 ? subject.log : another, key, newGroups(1))))
      assertEvts(await collect(another.evtsById(key)), known)
      assertEvts(await collect(subject.log.evtsById(key)), known)
    }
  }),

  evtLogCase('the same read can be left early and begun anew', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(5))
    for (let count = 1; count <= 5; count++) {
      assertEvts(await take(count, log.evtsById(key)), known.slice(0, count))
    }
  }),
]
