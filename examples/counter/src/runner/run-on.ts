import type { EvtLog, SnapshotStore } from 'eventsourced'
import { type Outcome, run, type RunOptions } from './runner.js'

/** Opens a log and a store. */
export interface Backend {
  openEvtLog(): Promise<EvtLog>
  openSnapshotStore(): Promise<SnapshotStore>
}

/** Runs the counters on a backend, and closes it. */
export async function runOn(backend: Backend, options: Omit<RunOptions, 'evtLog' | 'snapshotStore'>): Promise<Outcome> {
  const evtLog = await backend.openEvtLog()
  try {
    const snapshotStore = await backend.openSnapshotStore()
    try {
      return await run({ ...options, evtLog, snapshotStore })
    } finally {
      await snapshotStore.close()
    }
  } finally {
    await evtLog.close()
  }
}
