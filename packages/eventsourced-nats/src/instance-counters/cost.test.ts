import { strictCounter } from 'eventsourced/counters'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, nuid, type NatsConnection } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing } from '../evt-log.test.fixture.js'
import { NatsCounterStore } from '../index.js'

const INSTANCES = 8

/** What an operation gets: an answer to each of its requests. */
async function costOf(connection: NatsConnection, operation: () => Promise<unknown>) {
  const before = connection.stats()
  await operation()
  const { inMsgs, inBytes } = connection.stats()
  return { answers: inMsgs - before.inMsgs, kilobytes: Math.round((inBytes - before.inBytes) / 1_000) }
}

test('what an operation asks for depends on the instances of its key alone, and a heartbeat on nothing', async () => {
  const connection = await closing(connect({ servers: testNats() }))
  // The clock stands still, so that no heartbeat is due with an operation.
  const now = Date.now()
  const store = await NatsCounterStore.create({
    connection,
    bucket: `counters-${nuid.next()}`,
    setup: true,
    clock: () => now,
  })
  onTestFinished(() => store.close())
  const counters = await Promise.all(
    Array.from({ length: INSTANCES }, () => strictCounter(store, { namespace: 'n', heartbeatInterval: Infinity })),
  )
  const [counter] = counters
  if (counter === undefined) throw new Error('no counter')
  const fill = async (from: number, to: number): Promise<void> => {
    // One instance after another, since all changes of a key are in each other's way.
    for (const one of counters) {
      await Promise.all(Array.from({ length: to - from }, (_, index) => one.inc(`key ${from + index}`, 1)))
    }
  }
  const costs = async () => ({
    heartbeat: await costOf(connection, () => counter.heartbeat()),
    get: await costOf(connection, () => counter.get('key 3')),
    change: await costOf(connection, () => counter.inc('key 3', 1)),
  })
  await fill(0, 5)
  const few = await costs()
  await fill(5, 60)
  expect(await costs()).toEqual(few)
  expect(few.heartbeat).toEqual({ answers: 1, kilobytes: 0 })
  await Promise.all(counters.map((one) => one.close()))
})
