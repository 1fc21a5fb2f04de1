import { atLeastOnce } from 'eventsourced'
import type { Applied, ProjectionSubject } from 'eventsourced/testing'
import { nuid } from 'nats'
import { NatsEvtLog, NatsOffsetStore } from './index.js'

/** A subject for scenarios of projections: each process has a log, a store and connections of its own, and the read model is in memory. */
export function natsProjectionSubject(servers: string): () => Promise<ProjectionSubject> {
  return async () => {
    const [stream, bucket] = [`events-${nuid.next()}`, `projections-${nuid.next()}`]
    const applied: Applied[] = []
    const opened: { close(): Promise<void> }[] = []
    return {
      exactlyOnce: false,
      open: async () => {
        const evtLog = await NatsEvtLog.create({ servers, stream, setup: true })
        const store = await NatsOffsetStore.create({ servers, bucket, setup: true, leaseTtlMs: 1_000 })
        opened.push(evtLog, store)
        const deliver: Awaited<ReturnType<ProjectionSubject['open']>>['deliver'] = (before) =>
          atLeastOnce(store, async (evt, context) => {
            await before(evt, context)
            applied.push({ id: evt.key.id, seqNo: evt.seqNo })
          })
        return { evtLog, deliver }
      },
      applied: async () => applied,
      close: async () => {
        await Promise.all(opened.map((one) => one.close()))
      },
    }
  }
}
