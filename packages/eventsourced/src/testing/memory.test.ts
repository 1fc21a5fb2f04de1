import { describe, test } from 'vitest'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { MemorySnapshotStore } from '../memory/memory-snapshot-store.js'
import { evtLogSuite } from './evt-log-suite.js'
import { snapshotStoreSuite } from './snapshot-store-suite.js'

describe('MemoryEvtLog', () => {
  const create = async () => {
    const log = new MemoryEvtLog()
    const logs = [log]
    return {
      log,
      reopen: async () => {
        const another = new MemoryEvtLog({ storageOf: log })
        logs.push(another)
        return another
      },
      close: async () => {
        for (const one of logs) await one.close()
      },
    }
  }
  for (const { name, run } of evtLogSuite) test(name, () => run(create))
})

describe('MemorySnapshotStore', () => {
  const create = async () => {
    const store = new MemorySnapshotStore()
    return { store, reopen: async () => new MemorySnapshotStore({ storageOf: store }), close: () => store.close() }
  }
  for (const { name, run } of snapshotStoreSuite) test(name, () => run(create))
})
