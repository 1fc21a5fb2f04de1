import { randomUUID } from 'node:crypto'
import { SLICE_COUNT, SliceOwner } from 'eventsourced'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { backends, until, withClient } from '../fixture.test.helper.js'
import { PostgresLeaseStore } from './postgres-lease-store.js'

/** A heart beats every 12 seconds. */
const TTL_MS = 60_000
const BEFORE_THE_NEXT_BEAT_MS = 6_000

test('what a member leaves the others take at once, long before their hearts beat again', async () => {
  const pool = new Pool(await testPostgres())
  onTestFinished(() => pool.end())
  const group = randomUUID()
  const member = async () => {
    const leases = await PostgresLeaseStore.create({ pool, setup: true, ttlMs: TTL_MS })
    const held = new Set<number>()
    const user = {
      gained: (slices: readonly { readonly slice: number }[]) => slices.forEach(({ slice }) => held.add(slice)),
      lost: async (slices: readonly number[]) => slices.forEach((slice) => held.delete(slice)),
    }
    const owner = new SliceOwner({ leases, group, user })
    onTestFinished(() => leases.close())
    onTestFinished(() => owner.stop())
    return { held, owner }
  }
  const first = await member()
  await until('the first has all', () => first.held.size === SLICE_COUNT)
  const second = await member()
  await until('the second has some', () => second.held.size > 0)
  const startedAt = performance.now()
  await first.owner.stop()
  await until('the second has all', () => second.held.size === SLICE_COUNT)
  expect(performance.now() - startedAt).toBeLessThan(BEFORE_THE_NEXT_BEAT_MS)
})

test('however many stores on a pool watch their groups, one connection listens, and none once nobody watches', async () => {
  const pool = new Pool(await testPostgres())
  onTestFinished(() => pool.end())
  const open = () => PostgresLeaseStore.create({ pool, setup: true })
  const stores = [await open(), await open(), await open()]
  const listening = () => withClient(pool.options, (client) => backends(client, "query LIKE 'LISTEN%'"))
  let told = 0
  for (const store of stores) store.watch('g', () => (told += 1))
  await until('each is told when it may have missed something', () => told === stores.length)
  expect(await listening()).toBe(1)
  const [first, ...others] = stores
  await first?.close()
  for (const store of others) store.watch('h', () => undefined)
  told = 0
  await others[0]?.join('g', randomUUID())
  await until('those that are left are told', () => told === others.length)
  for (const store of others) await store.close()
  expect(await listening()).toBe(0)
})
