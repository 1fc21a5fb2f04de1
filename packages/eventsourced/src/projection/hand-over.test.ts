import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SLICE_COUNT } from '../log/slice.js'
import { UnavailableError } from '../errors.js'
import { FaultyLeaseStore } from '../testing/faulty-lease-store.js'
import { atLeastOnce } from './at-least-once.js'
import { MemoryOffsetStore } from './memory-offset-store.js'
import { Bench, newId, type Noted } from './projection.test.fixture.js'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await bench.end()
})

test('slices that were being handed over when the lease expired are handled by whoever has them next', async () => {
  // The first slices are handed over first then, and the one that is worked on is among them.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  const slow = newId(0)
  const leases = new FaultyLeaseStore(bench.store.leases)
  const store = new MemoryOffsetStore({ storageOf: bench.store, leases })
  let isCalled = false
  let end = () => {}
  const handled = new Promise<void>((resolve) => (end = resolve))
  const handler = atLeastOnce<Noted>(store, async (evt) => {
    isCalled ||= evt.key.id === slow
    if (evt.key.id === slow) await handled
    bench.seen.add(evt)
  })
  const first = await bench.start({ handler })
  await bench.note(slow)
  await expect.poll(() => isCalled).toBe(true)
  const second = await bench.start()
  // It waits for the handler with those that it is to hand over.
  const renewals = leases.faults.count('renew')
  await expect.poll(() => leases.faults.count('renew')).toBeGreaterThan(renewals + 3)
  leases.faults.cutOff(new UnavailableError('cut off'))
  const isAlone = async () => (await second.status()).members.length === 1
  await expect.poll(isAlone).toBe(true)
  leases.faults.clear()
  await expect.poll(isAlone).toBe(false)
  end()
  for (let slice = 0; slice < SLICE_COUNT; slice++) await first.reached(await bench.note(newId(slice)))
})
