import { randomUUID } from 'node:crypto'
import { SLICE_COUNT, SliceOwner } from 'eventsourced'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../fixture.test.helper.js'
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
