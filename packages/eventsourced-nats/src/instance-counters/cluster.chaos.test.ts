import { strictCounter } from 'eventsourced/counters'
import { instanceAwareCounterSuite } from 'eventsourced/testing'
import { type NatsCluster, startNatsCluster } from 'eventsourced-tools'
import { connect } from 'nats'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { isCurrent, leaderOf, PATIENCE, reached } from '../evt-log/cluster.test.fixture.js'
import { closing } from '../evt-log.test.fixture.js'
import { NatsCounterStore } from '../index.js'
import { natsCounters } from './counters.test.fixture.js'

const KEYS = ['one', 'two', 'three']

let cluster: NatsCluster

beforeAll(async () => {
  cluster = await startNatsCluster()
  await vi.waitFor(async () => (await open('suite')).close(), PATIENCE)
}, 120_000)
afterAll(() => cluster.stop())

function open(bucket: string): Promise<NatsCounterStore> {
  return NatsCounterStore.create({ servers: [...cluster.urls], bucket, setup: true, replicas: 3, replyTimeout: 1_000 })
}

describe('counters on a cluster', () => {
  test.for(instanceAwareCounterSuite)('$name', { timeout: 60_000 }, ({ run }) =>
    run(natsCounters({ servers: [...cluster.urls], bucket: 'suite' })),
  )
})

test('each change is made once, and seen by those after it, whichever servers are killed meanwhile', async () => {
  const connection = await closing(connect({ servers: [...cluster.urls], maxReconnectAttempts: -1 }))
  const stores = await Promise.all(['killed', 'killed', 'killed'].map(open))
  onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))))
  const options = { namespace: 'n', deadInstanceThreshold: 600_000, timeout: 120_000 }
  const counters = await Promise.all(stores.map((store) => strictCounter(store, options)))
  const totals = new Map<string, bigint[]>(KEYS.map((key) => [key, []]))
  let count = 0
  const over = new AbortController()
  const counting = Promise.all(
    counters.flatMap((counter) =>
      KEYS.map(async (key) => {
        while (!over.signal.aborted) {
          totals.get(key)?.push((await counter.inc(key, 1)).total)
          count += 1
        }
      }),
    ),
  )
  for (let round = 0; round < 3; round++) {
    await reached(() => count, count + 100, counting)
    await isCurrent(connection, 'KV_killed')
    const leader = cluster.server(await leaderOf(connection, 'KV_killed'))
    await leader.kill()
    await reached(() => count, count + 100, counting)
    await leader.start()
  }
  over.abort()
  await counting
  for (const [key, answered] of totals) {
    const sorted = answered.toSorted((one, other) => Number(one - other))
    expect(sorted).toEqual(Array.from({ length: answered.length }, (_, index) => BigInt(index + 1)))
    expect((await counters[0]?.get(key))?.total).toBe(BigInt(answered.length))
  }
  await Promise.all(counters.map((counter) => counter.close()))
}, 240_000)
