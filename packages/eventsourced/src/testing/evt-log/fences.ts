import assert from 'node:assert/strict'
import { hasCode } from '../../errors.js'
import type { EntityKey } from '../../log/entity-key.js'
import type { Append, EvtLog, Head, NewEvt } from '../../log/evt-log.js'
import { assertFails, newKey } from '../fixture.js'
import {
  assertStored,
  evtLogCase,
  type KnownEvt,
  knownFrom,
  newAppend,
  newEvt,
  newGroups,
  persistAll,
  ZERO,
} from './fixture.js'

export const fenceCases = [
  evtLogCase('an expected head that is too low is a conflict, and nothing is stored', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    for (const expected of [ZERO, ...known.slice(0, -1)]) await assertConflict(log, key, expected, known)
  }),

  evtLogCase('an append that begins below the head and ends above it stores nothing of its tail', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(3))
    const tail = [[newEvt(), newEvt()], [newEvt()], [newEvt(), newEvt(), newEvt()]]
    for (const expected of [ZERO, ...known.slice(0, -1)]) await assertConflict(log, key, expected, known, tail)
  }),

  evtLogCase('an expected head that is too high is a conflict, and nothing is stored', async ({ log }) => {
    const key = newKey()
    await assertConflict(log, key, { seqNo: 1, position: 1 }, [])
    const known = await persistAll(log, key, newGroups(2))
    const last = known.at(-1) ?? ZERO
    await assertConflict(log, key, { seqNo: last.seqNo + 1, position: last.position }, known)
    await assertConflict(log, key, { seqNo: last.seqNo + 1, position: last.position + 1 }, known)
    await assertConflict(log, key, { seqNo: last.seqNo + 1_000, position: last.position + 1_000 }, known)
  }),

  evtLogCase('an expected head of the right seqNo at another position is a conflict', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(2))
    const { seqNo, position } = known.at(-1) ?? ZERO
    await assertConflict(log, key, { seqNo, position: position + 1 }, known)
    await assertConflict(log, key, { seqNo, position: known[0]?.position ?? 0 }, known)
  }),

  evtLogCase('after a conflict the head read from the log is good for the next append', async ({ log }) => {
    const key = newKey()
    const known = await persistAll(log, key, newGroups(1))
    await assertConflict(log, key, ZERO, known)
    await assertStored(log, key, [...known, ...(await persistAll(log, key, newGroups(2)))])
  }),

  evtLogCase('of two first writes that race one wins, and nothing of the other is stored', async (subject) => {
    const logs = [subject.log, await subject.reopen()]
    for (let round = 0; round < 20; round++) {
      const key = newKey()
      await race(
        key,
        logs.map((log) => ({ log, append: newAppend(key, ZERO, [[newEvt(), newEvt()]]) })),
      )
    }
  }),

  evtLogCase(
    'of many writers that race for one seqNo exactly one wins, and nothing of the losers is stored',
    async (subject) => {
      const logs = [subject.log, await subject.reopen()]
      const key = newKey()
      let known = await persistAll(subject.log, key, newGroups(1))
      for (let round = 0; round < 5; round++) {
        const expected = known.at(-1) ?? ZERO
        const racers = Array.from({ length: 16 }, (_, index) => ({
          log: logs[index % 2] ?? subject.log,
          append: newAppend(
            key,
            headOf(expected),
            Array.from({ length: (index % 3) + 1 }, () => [newEvt(), newEvt()]),
          ),
        }))
        known = await race(key, racers, known)
      }
    },
  ),

  evtLogCase('a conflicting append harms none that are sent beside it', async ({ log }) => {
    const stale = newKey()
    const known = await persistAll(log, stale, newGroups(1))
    const appends = Array.from({ length: 40 }, () => newAppend(newKey(), ZERO, [[newEvt()], [newEvt(), newEvt()]]))
    const [conflict, ...answers] = await Promise.allSettled([
      log.persist(newAppend(stale, ZERO, [[newEvt()], [newEvt(), newEvt()]])),
      ...appends.map((append) => log.persist(append)),
    ])
    assert.ok(conflict.status === 'rejected' && hasCode(conflict.reason, 'CONFLICT'), 'the stale one conflicts')
    await assertStored(log, stale, known)
    for (const [index, append] of appends.entries()) {
      const answer = answers[index]
      assert.ok(answer?.status === 'fulfilled', `the append beside it is stored: ${JSON.stringify(answer)}`)
      await assertStored(log, append.key, knownFrom(append, answer.value))
    }
  }),
]

function headOf({ seqNo, position }: Head): Head {
  return { seqNo, position }
}

async function assertConflict(
  log: EvtLog,
  key: EntityKey,
  expected: Head,
  known: readonly KnownEvt[],
  groups: NewEvt[][] = newGroups(1),
): Promise<void> {
  await assertFails('CONFLICT', () => log.persist(newAppend(key, headOf(expected), groups)))
  await assertStored(log, key, known)
}

interface Racer {
  readonly log: EvtLog
  readonly append: Append
}

/** Sends all at once and checks that one is stored; answers what the entity's events are then. */
async function race(key: EntityKey, racers: readonly Racer[], known: readonly KnownEvt[] = []): Promise<KnownEvt[]> {
  const answers = await Promise.allSettled(racers.map(({ log, append }) => log.persist(append)))
  const stored = [...known]
  let winners = 0
  for (const [index, { append }] of racers.entries()) {
    const answer = answers[index]
    if (answer?.status === 'fulfilled') {
      stored.push(...knownFrom(append, answer.value))
      winners++
    } else {
      assert.ok(hasCode(answer?.reason, 'CONFLICT'), `a loser is told of the conflict, not ${String(answer?.reason)}`)
    }
  }
  assert.equal(winners, 1, 'exactly one writer wins')
  for (const { log } of racers.slice(0, 2)) await assertStored(log, key, stored)
  return stored
}
