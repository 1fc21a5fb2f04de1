import assert from 'node:assert/strict'
import { hasCode } from '../../errors.js'
import { MAX_METADATA_CHARS } from '../../log/check.js'
import { SLICE_COUNT } from '../../log/slice.js'
import { assertFails, assertRefused, newKey } from '../fixture.js'
import {
  assertStored,
  collect,
  evtLogCase,
  knownFrom,
  newAppend,
  newEvt,
  newGroups,
  persistAll,
  ZERO,
} from './fixture.js'

const LONE_SURROGATE = '\uD800'

export const refusalCases = [
  evtLogCase(
    'an event that can’t be stored is refused as bad input, and nothing of its append is stored',
    async ({ log }) => {
      const key = newKey()
      const known = await persistAll(log, key, newGroups(1))
      const bad = [
        newEvt({ type: '' }),
        newEvt({ type: 'x'.repeat(256) }),
        newEvt({ type: 'line\nbreak' }),
        newEvt({ type: 'NUL\0' }),
        newEvt({ type: LONE_SURROGATE }),
        newEvt({ version: 0 }),
        newEvt({ version: -1 }),
        newEvt({ version: 1.5 }),
        newEvt({ version: Number.NaN }),
        newEvt({ version: 2 ** 31 }),
        newEvt({ metadata: { name: 'NUL\0' } }),
        newEvt({ metadata: { 'NUL\0': 'value' } }),
        newEvt({ metadata: { name: LONE_SURROGATE } }),
        newEvt({ metadata: { [LONE_SURROGATE]: 'value' } }),
      ]
      for (const evt of bad) {
        const groups = [[newEvt()], [newEvt(), evt]]
        await assertRefused('bad-input', async () => log.persist(newAppend(key, await log.head(key), groups)))
      }
      await assertStored(log, key, known)
      await persistAll(log, key, newGroups(1))
    },
  ),

  evtLogCase('more metadata than fits is refused, and nothing of its append is stored', async ({ log }) => {
    const key = newKey()
    const evt = newEvt({ metadata: { name: 'x'.repeat(MAX_METADATA_CHARS) } })
    await assertFails('REFUSED', () => log.persist(newAppend(key, ZERO, [[newEvt(), evt]])))
    await assertStored(log, key, [])
  }),

  evtLogCase('an append that is no append is refused as bad input, and nothing is stored', async ({ log }) => {
    const key = newKey()
    const good = newAppend(key, ZERO)
    const bad = [
      { ...good, groups: [] },
      { ...good, groups: [[]] },
      { ...good, groups: [[newEvt()], [], [newEvt()]] },
      { ...good, appendId: '' },
      { ...good, appendId: 'an id' },
      { ...good, appendId: good.appendId.toUpperCase().replaceAll(/[0-9]/g, 'A') },
      { ...good, appendId: `${good.appendId}\n` },
      { ...good, expected: { seqNo: -1, position: -1 } },
      { ...good, expected: { seqNo: 1.5, position: 1 } },
      { ...good, expected: { seqNo: Number.NaN, position: 1 } },
      { ...good, expected: { seqNo: 0, position: 1 } },
      { ...good, expected: { seqNo: 1, position: 0 } },
      { ...good, expected: { seqNo: Number.MAX_SAFE_INTEGER, position: 1 } },
      { ...good, key: { ...key, id: 'no-uuid' } },
      { ...good, key: { ...key, id: '' } },
      { ...good, key: { ...key, id: '0193A0B4-7E5F-7C3B-8A1D-2E4F6A8B0C1D' } },
      { ...good, key: { ...key, typeName: '' } },
      { ...good, key: { ...key, typeName: 'x'.repeat(65) } },
      { ...good, key: { ...key, typeName: 'with.dot' } },
      { ...good, key: { ...key, typeName: 'star*' } },
      { ...good, key: { ...key, typeName: 'gr>ter' } },
    ]
    for (const append of bad) await assertRefused('bad-input', () => log.persist(append))
    await assertStored(log, key, [])
    await assertStored(log, key, knownFrom(good, await log.persist(good)))
  }),

  evtLogCase('a bad append harms none that are sent beside it', async ({ log }) => {
    const bad = newAppend(newKey(), ZERO, [[newEvt({ metadata: { name: LONE_SURROGATE } })]])
    const appends = Array.from({ length: 20 }, () => newAppend(newKey(), ZERO))
    const [refused, ...answers] = await Promise.all([
      (async () => log.persist(bad))().catch((error: unknown) => error),
      ...appends.map((append) => log.persist(append)),
    ])
    assert.ok(hasCode(refused, 'REFUSED'), 'the bad one is refused')
    for (const [index, append] of appends.entries()) {
      const answer = answers[index]
      assert.ok(answer)
      await assertStored(log, append.key, knownFrom(append, answer))
    }
  }),

  evtLogCase('a read, a deletion or a question with bad arguments is refused as such', async ({ log }) => {
    const key = newKey()
    const { typeName } = key
    const upper = { typeName, id: '0193A0B4-7E5F-7C3B-8A1D-2E4F6A8B0C1D' }
    const bad = [
      () => log.head(upper),
      () => log.head({ ...key, typeName: 'with.dot' }),
      () => collect(log.evtsById(upper)),
      () => collect(log.evtsById({ ...key, typeName: '' })),
      ...[-1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1].flatMap((number) => [
        () => collect(log.evtsById(key, { from: number })),
        () => collect(log.evtsById(key, { to: number })),
        () => collect(log.evtsByType(typeName, { after: number })),
        () => collect(log.evtsByType(typeName, { slice: [0, number] })),
        () => log.deleteEvts(key, number),
      ]),
      () => collect(log.evtsByType('*')),
      () => collect(log.ids('*')),
      () => collect(log.evtsByType(typeName, { slice: [SLICE_COUNT] })),
      () => log.deleteEvts(upper, 1),
    ]
    for (const action of bad) await assertFails('INVALID_INPUT', action)
  }),
]
