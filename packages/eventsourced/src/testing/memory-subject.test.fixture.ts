import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { MemorySnapshotStore } from '../memory/memory-snapshot-store.js'
import type { EntitySubject } from './entity-scenario/run-scenario.js'

/** A subject for scenarios of entities, in memory: each process has a log and a store of its own over the same data. */
export async function memorySubject(): Promise<EntitySubject> {
  const log = new MemoryEvtLog()
  const store = new MemorySnapshotStore()
  return {
    open: async () => ({
      evtLog: new MemoryEvtLog({ storageOf: log }),
      snapshotStore: new MemorySnapshotStore({ storageOf: store }),
    }),
    close: async () => {},
  }
}
