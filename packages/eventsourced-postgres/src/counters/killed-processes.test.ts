import { strictCounter } from 'eventsourced/counters'
import { type Child, type PostgresConnection, startChild } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { until } from '../fixture.test.helper.js'
import { PostgresCounterStore } from '../index.js'
import type { CountingOptions } from './counting.test.fixture.js'
import type { LiveEntitiesOptions } from './live-entities.test.fixture.js'

let connection: PostgresConnection
let store: PostgresCounterStore

beforeEach(async () => {
  connection = await testPostgres()
  store = await PostgresCounterStore.create({ connection, setup: true })
  return () => store.close()
})

async function start(program: string, told: CountingOptions | LiveEntitiesOptions): Promise<Child> {
  const child = await startChild(new URL(`../../dist/counters/${program}.js`, import.meta.url), { name: program, told })
  onTestFinished(() => child.kill())
  return child
}

test('the process that counts is killed: its share drops out by itself, and nothing that was answered is lost', async () => {
  const other = await strictCounter(store, { namespace: 'n' })
  await other.inc('k', 1_000_000)
  const options = { namespace: 'n', instanceId: 'child', deadInstanceThreshold: 500 }
  const child = await start('counting.test.fixture', { connection, options, isLax: false })
  await until('it has counted', () => BigInt(child.line) >= 20n)
  expect((await other.get('k')).total).toBeGreaterThanOrEqual(1_000_020n)
  await child.kill()
  await until('its share is out', async () => (await other.get('k')).total === 1_000_000n)
  const again = await strictCounter(store, options)
  const { total, own } = await again.get('k')
  expect([BigInt(child.line), BigInt(child.line) + 1n]).toContain(own)
  expect(total).toBe(1_000_000n + own)
  await Promise.all([again.close(), other.close()])
})

test('the process that counts by a lax counter is killed: what was flushed counts while it lives, and drops out by itself', async () => {
  const other = await strictCounter(store, { namespace: 'n' })
  await other.inc('k', 1_000_000)
  const options = { namespace: 'n', instanceId: 'child', deadInstanceThreshold: 500 }
  const child = await start('counting.test.fixture', { connection, options, isLax: true })
  await until('it has flushed', async () => (await other.get('k')).total > 1_000_100n)
  await child.kill()
  await until('its share is out', async () => (await other.get('k')).total === 1_000_000n)
  const again = await strictCounter(store, options)
  const { own } = await again.get('k')
  // What it was answered from memory alone is gone with it.
  expect(own).toBeGreaterThan(100n)
  await Promise.all([again.close(), other.close()])
})

test('the process that has live entities is killed: they are told by the others as long as it lives, and no longer', async () => {
  const counter = await strictCounter(store, { namespace: 'live' })
  const options = { namespace: 'live', instanceId: 'child', deadInstanceThreshold: 500 }
  const child = await start('live-entities.test.fixture', { connection, options, live: 3 })
  expect(child.line).toBe('3')
  const byProcess = () => counter.getByInstance('thing')
  expect(await byProcess()).toEqual(new Map([['child', 3n]]))
  await child.kill()
  await until('they are out', async () => (await byProcess()).size === 0)
  await counter.close()
})
