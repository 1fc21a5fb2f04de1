import { describe, expect, test } from 'vitest'
import { projectionScenarios } from '../testing/projection-scenarios.js'
import {
  type Deliver,
  deliverAtLeastOnce,
  deliverExactlyOnce,
  memoryProjectionSubject,
} from './memory-subject.test.fixture.js'

const seed = process.env.FC_SEED

describe('at least once', () => {
  test.concurrent.for(projectionScenarios({ count: 8, seed }))('$name', ({ run }) =>
    run(memoryProjectionSubject(false, deliverAtLeastOnce)),
  )
})

describe('exactly once', () => {
  test.concurrent.for(projectionScenarios({ count: 12, seed }))('$name', ({ run }) =>
    run(memoryProjectionSubject(true, deliverExactlyOnce)),
  )
})

/** Deliveries that break their word. */
const BROKEN: Readonly<Record<string, Deliver>> = {
  'applies what a fenced move should have taken back': (store, before, applied) => ({
    ...deliverExactlyOnce(store, before, applied),
    deliver: async (batch) => {
      await batch.each(async (evt, context) => {
        await before(evt, context)
        applied.push({ id: evt.key.id, seqNo: evt.seqNo })
      })
      return store.commit(batch.projection, batch.moves())
    },
  }),
  'moves before it handles': (store, before, applied) => ({
    ...deliverAtLeastOnce(store, before, applied),
    deliver: async (batch) => {
      const committed = await store.commit(batch.projection, batch.moves())
      await deliverAtLeastOnce(store, before, applied).deliver({ ...batch, moves: () => [] })
      return committed
    },
  }),
  'forgets what is parked': (store, before, applied) => {
    const delivery = deliverExactlyOnce(store, before, applied)
    return {
      ...delivery,
      deliver: (batch) =>
        delivery.deliver({ ...batch, moves: () => batch.moves().map((move) => ({ ...move, park: [] })) }),
    }
  },
}

/** How many scenarios are tried at most, and how many at once: which of them meet the fault depends on the moment, too. */
const TRIED = { most: 120, atOnce: 12 }

test.concurrent.for(Object.entries(BROKEN))('a delivery that %s is found out', async ([, deliver]) => {
  let found = 0
  for (let seed = 1; found === 0 && seed < TRIED.most; seed += TRIED.atOnce) {
    const cases = projectionScenarios({ count: TRIED.atOnce, seed })
    const ended = await Promise.allSettled(cases.map(({ run }) => run(memoryProjectionSubject(true, deliver))))
    found += ended.filter(({ status }) => status === 'rejected').length
  }
  expect(found).toBeGreaterThan(0)
})
