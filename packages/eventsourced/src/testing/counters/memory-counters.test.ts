import { describe, test } from 'vitest'
import { MemoryCounterStore } from '../../counters/memory-counter-store.js'
import { instanceAwareCounterSuite } from '../instance-aware-counter-suite.js'
import { memoryCounters } from './memory-counters.test.fixture.js'

describe('counters in memory', () => {
  test.for(instanceAwareCounterSuite)('$name', ({ run }) => run(memoryCounters()))
})

test('a store in memory has the system’s clock by default', async ({ expect }) => {
  const instance = { namespace: 'n', instanceId: 'i', deadInstanceThreshold: 1_000_000, forgetAfter: 1 }
  const store = new MemoryCounterStore()
  await store.heartbeat(instance)
  expect(await store.get(instance, 'k')).toEqual({ total: 0n, own: 0n })
})
