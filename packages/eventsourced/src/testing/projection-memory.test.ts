import { describe, test } from 'vitest'
import { MemoryLeaseStore } from '../lease/memory-lease-store.js'
import { MemoryOffsetStore } from '../projection/memory-offset-store.js'
import { leaseStoreSuite } from './lease-store-suite.js'
import { offsetStoreSuite } from './offset-store-suite.js'

describe('MemoryLeaseStore', () => {
  const create = async () => {
    const leases = new MemoryLeaseStore({ ttlMs: 500 })
    return { leases, reopen: async () => leases, close: async () => {} }
  }
  test.concurrent.for(leaseStoreSuite)('$name', ({ run }) => run(create))
})

describe('MemoryOffsetStore', () => {
  const create = async () => {
    const store = new MemoryOffsetStore()
    return { store, reopen: async () => new MemoryOffsetStore({ storageOf: store }), close: () => store.close() }
  }
  test.for(offsetStoreSuite)('$name', ({ run }) => run(create))
})
