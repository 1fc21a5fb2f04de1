import type { EntitySubject } from 'eventsourced/testing'
import { NatsEvtLog, NatsSnapshotStore } from './index.js'

/** Creates subjects for scenarios of entities: each process has connections of its own to the same stream and bucket. */
export function entitySubjects(servers: string, name: string): () => Promise<EntitySubject> {
  return async () => {
    const opened: { close(): Promise<void> }[] = []
    return {
      open: async () => {
        const evtLog = await NatsEvtLog.create({ servers, stream: name, setup: true })
        const snapshotStore = await NatsSnapshotStore.create({ servers, bucket: name, setup: true })
        opened.push(evtLog, snapshotStore)
        return { evtLog, snapshotStore }
      },
      close: async () => {
        await Promise.all(opened.map((one) => one.close()))
      },
    }
  }
}
