import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { PersistedEvt } from '../../log/evt-log.js'
import { beside, newKey, newTypeName } from '../fixture.js'
import {
  assertEvts,
  assertGrowing,
  collect,
  type EvtLogSubject,
  evtLogCase,
  type KnownEvt,
  newEvt,
  persistAll,
  take,
} from './fixture.js'
import { follow } from './follower.js'

type Log = EvtLogSubject['log']

const WRITERS = 12
const ROUNDS = 12

export const parallelWriterCases = [
  evtLogCase(
    'while writers run in parallel, live readers see positions that only grow, and miss nothing',
    async (subject) => {
      const logs = [subject.log, await subject.reopen()]
      const typeName = newTypeName()
      const followers = logs.map((log) => follow((signal) => log.evtsByType(typeName, { live: true, signal })))
      const known = await writeInParallel(logs, typeName)
      for (const follower of followers) {
        await follower.seen(known.length)
        const seen = await follower.stop()
        assertGrowing(seen.map(({ position }) => position))
        assertEvts(seen, known)
      }
      assertEvts(await collect(subject.log.evtsByType(typeName)), known)
    },
  ),

  evtLogCase(
    'while writers run in parallel, a reader that comes back again and again misses nothing',
    async (subject) => {
      const logs = [subject.log, await subject.reopen()]
      const typeName = newTypeName()
      const state = { isWriting: true }
      const writing = beside(writeInParallel(logs, typeName).finally(() => (state.isWriting = false)))
      const polled = beside(poll(subject.log, typeName, () => state.isWriting))
      const known = await writing
      assertEvts(await polled, known)
    },
  ),

  evtLogCase(
    'while writers run in parallel, the head position never goes back nor stays behind a reader',
    async (subject) => {
      const logs = [subject.log, await subject.reopen()]
      const typeName = newTypeName()
      const follower = follow((signal) => subject.log.evtsByType(typeName, { live: true, signal }))
      const state = { isWriting: true }
      const writing = beside(writeInParallel(logs, typeName).finally(() => (state.isWriting = false)))
      for (let before = 0; state.isWriting; await setImmediate()) {
        const seen = follower.evts.at(-1)?.position ?? 0
        const now = await subject.log.headPosition()
        assert.ok(now >= before && now >= seen, `head position ${now} after ${before}, with ${seen} read`)
        before = now
      }
      const known = await writing
      await follower.seen(known.length)
      await follower.stop()
      assert.ok((await subject.log.headPosition()) >= (known.at(-1)?.position ?? Number.NaN))
    },
  ),

  evtLogCase(
    'while writers run in parallel, each entity’s events stay its own, whole and in order',
    async (subject) => {
      const logs = [subject.log, await subject.reopen()]
      const typeName = newTypeName()
      const known = await writeInParallel(logs, typeName)
      for (const { id } of new Set(known.map(({ key }) => key))) {
        const own = known.filter(({ key }) => key.id === id)
        assert.deepEqual(
          own.map(({ seqNo }) => seqNo),
          own.map((_, index) => index + 1),
        )
        assertEvts(await collect(subject.log.evtsById({ typeName, id })), own)
      }
    },
  ),
]

/** Several entities write at once, from both logs; answers all their events in order of position. */
async function writeInParallel(logs: readonly Log[], typeName: string): Promise<KnownEvt[]> {
  const writers = Array.from({ length: WRITERS }, async (_, index) => {
    const key = newKey(typeName)
    const known: KnownEvt[] = []
    for (let round = 0; round < ROUNDS; round++) {
      // Lets readers have a look in between, also where nothing ever waits for a disk or a wire.
      await setImmediate()
      const log = logs[(index + round) % logs.length]
      assert.ok(log)
      const groups = Array.from({ length: 1 + (round % 2) }, () =>
        Array.from({ length: 1 + (index % 3) }, () => newEvt()),
      )
      known.push(...(await persistAll(log, key, groups)))
    }
    return known
  })
  return (await Promise.all(writers)).flat().sort((left, right) => left.position - right.position)
}

/** Reads some events at a time, each time behind the last one seen, until all writers are done and nothing is left. */
async function poll(log: Log, typeName: string, isWriting: () => boolean): Promise<PersistedEvt[]> {
  const seen: PersistedEvt[] = []
  for (let isLastRound = false; ; await setImmediate()) {
    const after = seen.at(-1)?.position ?? 0
    const more = await take(50, log.evtsByType(typeName, { after }))
    seen.push(...more)
    if (isLastRound && more.length === 0) return seen
    isLastRound = !isWriting()
  }
}
