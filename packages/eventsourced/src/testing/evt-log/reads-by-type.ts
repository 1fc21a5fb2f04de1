import assert from 'node:assert/strict'
import type { PersistedEvt } from '../../log/evt-log.js'
import { pagesOf } from '../../log/paged.js'
import { SLICE_COUNT, sliceOf } from '../../log/slice.js'
import { newKey, newTypeName } from '../fixture.js'
import {
  assertEvts,
  collect,
  evtLogCase,
  type KnownEvt,
  newEvt,
  newGroups,
  persistAll,
  take,
  type EvtLogSubject,
} from './fixture.js'

export const readByTypeCases = [
  evtLogCase('a read by type gives the events of all its entities in order of position', async ({ log }) => {
    const { typeName, known } = await interleaved(log)
    await persistAll(log, newKey(), newGroups(2))
    assertEvts(await collect(log.evtsByType(typeName)), known)
  }),

  evtLogCase('a read by type begins behind the position given, wherever that stands', async ({ log }) => {
    const { typeName, known } = await interleaved(log)
    const last = known.at(-1)?.position ?? 0
    const afters = known.flatMap(({ position }) => [position - 1, position, position + 1])
    for (const after of [0, ...afters, last + 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const expected = known.filter(({ position }) => position > after)
      assertEvts(await collect(log.evtsByType(typeName, { after })), expected)
    }
  }),

  evtLogCase('a read gives by the page what it gives one by one', async ({ log }) => {
    const { typeName, known } = await interleaved(log)
    assertEvts((await collect(pagesOf(log.evtsByType(typeName)))).flat(), known)
    for (const key of new Set(known.map(({ key }) => key))) {
      const ofEntity = known.filter((evt) => evt.key === key)
      assertEvts((await collect(pagesOf(log.evtsById(key)))).flat(), ofEntity)
    }
  }),

  evtLogCase('a read of a type without events is empty', async ({ log }) => {
    await persistAll(log, newKey(), newGroups(1))
    assertEvts(await collect(log.evtsByType(newTypeName())), [])
    assertEvts(await collect(log.evtsByType(newTypeName(), { after: 1 })), [])
  }),

  evtLogCase('the slices of a type partition its events', async ({ log }) => {
    const { typeName, known } = await manyEntities(log, 100)
    const bySlice = []
    for (let slice = 0; slice < SLICE_COUNT; slice++) {
      const expected = known.filter(({ key }) => sliceOf(key.id) === slice)
      assertEvts(await collect(log.evtsByType(typeName, { slice: [slice] })), expected)
      bySlice.push(...expected)
    }
    assert.equal(bySlice.length, known.length)
  }),

  evtLogCase('a read of several slices gives the events of each, in order of position', async ({ log }) => {
    const { typeName, known } = await manyEntities(log, 40)
    const all = Array.from({ length: SLICE_COUNT }, (_, index) => index)
    const middle = known[Math.floor(known.length / 2)]?.position ?? 0
    for (const slice of [[], all, all.filter((one) => one % 2 === 1), [63, 0, 7], [5, 5, 5]]) {
      const expected = known.filter(({ key }) => slice.includes(sliceOf(key.id)))
      assertEvts(await collect(log.evtsByType(typeName, { slice })), expected)
      assertEvts(
        await collect(log.evtsByType(typeName, { slice, after: middle })),
        expected.filter(({ position }) => position > middle),
      )
    }
  }),

  evtLogCase('a long history of a type is read whole and in order', async ({ log }) => {
    const typeName = newTypeName()
    const groups = () => Array.from({ length: 20 }, () => Array.from({ length: 10 }, () => newEvt()))
    const known = []
    for (let entity = 0; entity < 6; entity++) known.push(...(await persistAll(log, newKey(typeName), groups())))
    assertEvts(await collect(log.evtsByType(typeName)), known)
  }),

  evtLogCase(
    'a reader that leaves and comes back behind its last position misses and repeats nothing',
    async ({ log }) => {
      const { typeName, known } = await interleaved(log)
      const seen: PersistedEvt[] = []
      for (const _ of known) {
        seen.push(...(await take(2, log.evtsByType(typeName, { after: seen.at(-1)?.position ?? 0 }))))
      }
      assertEvts(seen, known)
    },
  ),
]

interface History {
  readonly typeName: string
  readonly known: readonly KnownEvt[]
}

/** Two entities of a type that wrote in turn, and a third one of another type in between. */
async function interleaved(log: EvtLogSubject['log']): Promise<History> {
  const typeName = newTypeName()
  const [left, right, other] = [newKey(typeName), newKey(typeName), newKey()]
  const known = []
  for (let round = 0; round < 3; round++) {
    known.push(...(await persistAll(log, left, newGroups(round + 1))))
    await persistAll(log, other, newGroups(1))
    known.push(...(await persistAll(log, right, [[newEvt(), newEvt()]])))
  }
  return { typeName, known }
}

async function manyEntities(log: EvtLogSubject['log'], count: number): Promise<History> {
  const typeName = newTypeName()
  const keys = Array.from({ length: count }, () => newKey(typeName))
  const known = (await Promise.all(keys.map((key) => persistAll(log, key, newGroups(2))))).flat()
  return { typeName, known: known.sort((left, right) => left.position - right.position) }
}
