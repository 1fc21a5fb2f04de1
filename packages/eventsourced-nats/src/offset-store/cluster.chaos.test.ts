import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, type LeaseStore } from 'eventsourced'
import { startNatsCluster } from 'eventsourced-tools'
import { connect } from 'nats'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isCurrent, leaderOf, PATIENCE, reached } from '../evt-log/cluster.test.fixture.js'
import { closing } from '../evt-log.test.fixture.js'
import type { NatsOffsetStore } from '../index.js'
import { claimed, moveTo, newConfig, newProjection, openStore } from './offset-store.test.fixture.js'

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? '1')
const GROUP = 'totals-v1'
const COMMITS = 20

/** From when to when a member took a slice for its own. */
interface Tenure {
  readonly epoch: number
  readonly from: number
  to: number
}

/** What all owners of slice 0 have seen. */
class World {
  readonly key = newProjection()
  readonly tenures: Tenure[] = []
  readonly acknowledged: number[] = []
}

/** Has members of one process own slice 0 as often as they can, one after another, and move its offset on while they do. */
async function contend(store: NatsOffsetStore, world: World, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    try {
      await live(store, world, over)
    } catch (error) {
      // The next member begins anew, as a process does.
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      await sleep(20)
    }
  }
}

async function live(store: NatsOffsetStore, world: World, over: AbortSignal): Promise<void> {
  const member = randomUUID()
  const { leases } = store
  await leases.join(GROUP, member)
  for (;;) {
    const tenure = await take(leases, member)
    if (over.aborted || tenure === 'expired') return
    if (tenure === undefined) {
      await sleep(20)
      continue
    }
    world.tenures.push(tenure)
    await moveOn(store, world, { member, tenure })
    tenure.to = Math.min(tenure.to, performance.now())
    return leases.leave(GROUP, member)
  }
}

/** Takes slice 0 if it is free. The lease lasts from before the heartbeat that it follows. */
async function take(leases: LeaseStore, member: string): Promise<Tenure | 'expired' | undefined> {
  const to = performance.now() + leases.ttlMs
  const renewed = await leases.renew(GROUP, member)
  if (renewed.kind === 'expired') return 'expired'
  const free = renewed.view.leases.filter(({ slice, owner }) => slice === 0 && owner === undefined)
  const [taken] = free.length === 0 ? [] : await leases.take(GROUP, member, free)
  return taken && { epoch: taken.epoch, from: performance.now(), to }
}

async function moveOn(
  store: NatsOffsetStore,
  { key, acknowledged }: World,
  { member, tenure }: { readonly member: string; readonly tenure: Tenure },
): Promise<void> {
  let record = await claimed(store, key, 0, tenure.epoch)
  for (let count = 0; count < COMMITS && performance.now() < tenure.to; count++) {
    const position = record.offset.position + 1
    const { moved, fenced } = await store.commit(key, [moveTo(record, position)])
    if (fenced.length > 0) return
    acknowledged.push(position)
    record = { ...record, offset: { ...record.offset, position }, revision: moved.get(0) ?? 0 }
    const to = performance.now() + store.leases.ttlMs
    if ((await store.leases.renew(GROUP, member)).kind === 'expired') return
    tenure.to = to
  }
}

test(
  `a slice has one owner at a time, and its offset never goes back, over ${rounds} kills with -9 of the bucket's leader`,
  async () => {
    const cluster = await startNatsCluster()
    onTestFinished(() => cluster.stop())
    const config = { ...newConfig(), servers: [...cluster.urls], replicas: 3, leaseTtlMs: 4_000, timeout: 30_000 }
    const stream = `KV_${config.bucket}`
    const first = await vi.waitFor(() => openStore(config), PATIENCE)
    const stores = [first, await openStore(config)]
    const connection = await closing(
      connect({ servers: [...cluster.urls], maxReconnectAttempts: -1, reconnectTimeWait: 100 }),
    )
    const world = new World()
    const over = new AbortController()
    const contending = Promise.all(stores.map((store) => contend(store, world, over.signal)))
    const goOn = () => {
      const enough = world.acknowledged.length + 3 * COMMITS
      return reached(() => world.acknowledged.length, enough, contending)
    }
    await goOn()
    for (let round = 0; round < rounds; round++) {
      await isCurrent(connection, stream)
      const killed = cluster.server(await leaderOf(connection, stream))
      await killed.kill()
      await goOn()
      await killed.start()
    }
    await goOn()
    over.abort()
    await contending

    const { acknowledged, tenures } = world
    expect(acknowledged).toEqual([...new Set(acknowledged)].toSorted((a, b) => a - b))
    const [last] = await first.slices(world.key, [0])
    expect(last?.offset.position).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? 0)
    expect(new Set(tenures.map(({ epoch }) => epoch)).size).toBe(tenures.length)
    const tooSoon = tenures.slice(1).filter(({ from }, index) => from < (tenures[index]?.to ?? Infinity))
    expect(tooSoon).toEqual([])
  },
  60_000 + rounds * 60_000,
)
