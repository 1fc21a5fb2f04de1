import type { EntitySubject } from 'eventsourced/testing'
import type { PoolConfig } from 'pg'
import { PostgresEvtLog, PostgresSnapshotStore } from './index.js'

/** Creates subjects for scenarios of entities: each process has connections of its own to the same database. */
export async function entitySubjects(connection: PoolConfig): Promise<() => Promise<EntitySubject>> {
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
  await (await PostgresSnapshotStore.create({ connection, setup: true })).close()
  return async () => {
    const opened: { close(): Promise<void> }[] = []
    return {
      open: async () => {
        const evtLog = await PostgresEvtLog.create({ connection })
        const snapshotStore = await PostgresSnapshotStore.create({ connection })
        opened.push(evtLog, snapshotStore)
        return { evtLog, snapshotStore }
      },
      close: async () => {
        await Promise.all(opened.map((one) => one.close()))
      },
    }
  }
}
