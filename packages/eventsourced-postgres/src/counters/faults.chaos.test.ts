import { strictCounter } from 'eventsourced/counters'
import { startPostgres } from 'eventsourced-tools'
import { expect, onTestFinished, test } from 'vitest'
import { terminate, until, withClient } from '../fixture.test.helper.js'
import { PostgresCounterStore } from '../index.js'

const KEYS = Array.from({ length: 20 }, (_, index) => `key ${index}`)
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 2)

test('each change is made once, and seen by those after it, whatever becomes of connections and of the server', async () => {
  const server = await startPostgres()
  onTestFinished(() => server.stop())
  const { host, port, user, password, database } = server
  const connection = { host, port, user, password, database }
  const stores = await Promise.all([1, 2].map(() => PostgresCounterStore.create({ connection, setup: true })))
  onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))))
  const options = { namespace: 'n', deadInstanceThreshold: 600_000, timeout: 120_000 }
  const counters = await Promise.all([...stores, ...stores].map((store) => strictCounter(store, options)))
  const answered = new Map<string, bigint[]>(KEYS.map((key) => [key, []]))
  let count = 0
  const over = new AbortController()
  const counting = Promise.all(
    counters.flatMap((counter, index) =>
      (index % 2 === 0 ? KEYS : KEYS.toReversed()).map(async (key) => {
        while (!over.signal.aborted) {
          answered.get(key)?.push((await counter.inc(key, 1)).total)
          count += 1
        }
      }),
    ),
  )
  const goesOn = async (): Promise<void> => {
    const enough = count + 500
    await Promise.race([counting, until('it goes on', () => count > enough)])
  }
  await goesOn()
  for (let round = 0; round < ROUNDS; round++) {
    await withClient(connection, (client) => terminate(client, 'true'))
    await goesOn()
    await server.kill()
    await server.start()
    await goesOn()
  }
  over.abort()
  await counting
  for (const [key, totals] of answered) {
    const sorted = totals.toSorted((one, other) => Number(one - other))
    expect(sorted).toEqual(Array.from({ length: totals.length }, (_, index) => BigInt(index + 1)))
    expect((await counters[0]?.get(key))?.total).toBe(BigInt(totals.length))
  }
  await Promise.all(counters.map((counter) => counter.close()))
})
