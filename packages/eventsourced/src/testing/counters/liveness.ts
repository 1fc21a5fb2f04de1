import assert from 'node:assert/strict'
import { assertCounts, counterCase, DEAD_MS, FORGOTTEN_MS } from './fixture.js'

const A_MOMENT_MS = 1_000

export const livenessCases = [
  counterCase('an instance whose heartbeats stay away stops counting, and not before', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 3)
    await b.inc('k', 5)
    pass(DEAD_MS - A_MOMENT_MS)
    await assertCounts(a.get('k'), 8, 3)
    pass(2 * A_MOMENT_MS)
    await assertCounts(a.get('k'), 3, 3)
    await assertCounts(a.inc('k', 1), 4, 4)
  }),

  counterCase('heartbeats keep an instance alive, and so does each operation', async ({ strict, pass }) => {
    const counters = [await strict(), await strict(), await strict(), await strict(), await strict()] as const
    const [beating, reading, changing, clearing, watching] = counters
    for (const counter of counters) await counter.inc('k', 1)
    for (let third = 0; third < 7; third++) {
      pass(DEAD_MS / 3)
      await beating.heartbeat()
      await reading.get('another')
      await changing.setOnInstance('k', third)
      await clearing.clearOnInstance()
      await clearing.inc('k', 1)
    }
    await assertCounts(watching.get('k'), 10, 1)
  }),

  counterCase('an instance that comes back counts again at once, with all its slices', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('one', 3)
    await a.dec('two', 4)
    await b.inc('one', 10)
    pass(DEAD_MS + A_MOMENT_MS)
    await assertCounts(b.get('one'), 10, 10)
    await assertCounts(b.get('two'), 0, 0)
    await a.heartbeat()
    await assertCounts(b.get('one'), 13, 10)
    await assertCounts(b.get('two'), -4, 0)
    pass(DEAD_MS + A_MOMENT_MS)
    await b.heartbeat()
    await assertCounts(a.get('one'), 13, 3)
    await assertCounts(b.get('two'), -4, 0)
    pass(DEAD_MS + A_MOMENT_MS)
    await assertCounts(a.inc('one', 1), 4, 4)
  }),

  counterCase('one that comes back does not count with slices of an older epoch', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    for (const key of ['set', 'deleted', 'kept']) await a.inc(key, 7)
    pass(DEAD_MS + A_MOMENT_MS)
    await b.set('set', 1)
    await b.inc('deleted', 1)
    await assertCounts(b.del('deleted'), 1, 1)
    await b.inc('kept', 1)
    await a.heartbeat()
    await assertCounts(b.get('set'), 1, 1)
    await assertCounts(b.get('deleted'), 0, 0)
    await assertCounts(b.get('kept'), 8, 1)
    await assertCounts(a.inc('set', 2), 3, 2)
  }),

  counterCase('one that comes back after a clear has nothing left', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 7)
    pass(DEAD_MS + A_MOMENT_MS)
    await b.clear()
    await a.heartbeat()
    await assertCounts(a.get('k'), 0, 0)
    await assertCounts(b.inc('k', 1), 1, 1)
  }),

  counterCase('one that clears itself leaves nothing to come back with', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 7)
    await a.clearOnInstance()
    pass(DEAD_MS + A_MOMENT_MS)
    await a.heartbeat()
    await assertCounts(b.get('k'), 0, 0)
  }),

  counterCase('the dead one’s slices are not its who sets, removes or clears', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 7)
    await b.inc('k', 1)
    pass(DEAD_MS + A_MOMENT_MS)
    await assertCounts(b.setOnInstance('k', 2), 2, 2)
    await assertCounts(b.delOnInstance('k'), 0, 2)
    await b.clearOnInstance()
    await a.heartbeat()
    await assertCounts(b.get('k'), 7, 0)
  }),

  counterCase('close takes an instance out at once, and its id brings its slices back', async ({ strict }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 7)
    await b.inc('k', 1)
    await a.close()
    await assertCounts(b.get('k'), 1, 1)
    const again = await strict({ instanceId: a.instanceId })
    await assertCounts(b.get('k'), 8, 1)
    await assertCounts(again.inc('k', 1), 9, 8)
    await again.clearOnInstance()
    await assertCounts(b.get('k'), 1, 1)
  }),

  counterCase('the slices of a key are told by their instances, those of the living only', async (stage) => {
    const [a, b, c] = [await stage.strict(), await stage.strict(), await stage.strict()]
    const assertSlices = async (...expected: readonly (readonly [string, bigint])[]): Promise<void> => {
      assert.deepEqual(new Map(await a.getByInstance('k')), new Map(expected))
    }
    await assertSlices()
    await a.inc('k', 1)
    await b.inc('k', -2)
    await c.inc('another', 3)
    await assertSlices([a.instanceId, 1n], [b.instanceId, -2n])
    await b.close()
    await c.inc('k', 4)
    await assertSlices([a.instanceId, 1n], [c.instanceId, 4n])
    await c.delOnInstance('k')
    await assertSlices([a.instanceId, 1n])
    stage.pass(DEAD_MS + A_MOMENT_MS)
    await assertSlices([a.instanceId, 1n])
    await c.set('k', 5)
    await assertSlices([c.instanceId, 5n])
    await a.clear()
    await assertSlices()
  }),

  counterCase('each instance goes by its own threshold', async ({ strict, pass }) => {
    const [short, long] = [await strict({ deadInstanceThreshold: 1_000 }), await strict()]
    await short.inc('k', 1)
    await long.inc('k', 2)
    pass(2_000)
    await assertCounts(long.get('k'), 2, 2)
    await assertCounts(short.get('k'), 3, 1)
  }),

  counterCase('one that stays away for too long is forgotten', async ({ strict, pass }) => {
    const [a, b] = [await strict(), await strict()]
    await a.inc('k', 7)
    pass(DEAD_MS + FORGOTTEN_MS - A_MOMENT_MS)
    await a.heartbeat()
    await assertCounts(b.get('k'), 7, 0)
    pass(DEAD_MS + FORGOTTEN_MS + A_MOMENT_MS)
    await b.inc('k', 1)
    await a.heartbeat()
    await assertCounts(b.get('k'), 1, 1)
    await assertCounts(a.inc('k', 2), 3, 2)
  }),
]
