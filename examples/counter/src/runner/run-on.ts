import type { EvtLog, SnapshotStore } from 'eventsourced'
import type { ReadSide, ReadSideOptions } from '../totals/read-side.js'
import { type Outcome, run, type RunOptions } from './runner.js'

/** Opens a log and a store, and starts what is kept of the events beside them. */
export interface Backend {
  openEvtLog(): Promise<EvtLog>
  openSnapshotStore(): Promise<SnapshotStore>
  startReadSide(options: ReadSideOptions): Promise<ReadSide>
}

/** Runs the counters on a backend, and closes it. */
export async function runOn(
  backend: Backend,
  options: Omit<RunOptions, 'evtLog' | 'snapshotStore' | 'readSide'>,
): Promise<Outcome> {
  const evtLog = await backend.openEvtLog()
  try {
    const snapshotStore = await backend.openSnapshotStore()
    try {
      const readSide = await backend.startReadSide({ evtLog, logger: options.logger })
      try {
        return await run({ ...options, evtLog, snapshotStore, readSide })
      } finally {
        await readSide.stop()
      }
    } finally {
      await snapshotStore.close()
    }
  } finally {
    await evtLog.close()
  }
}
