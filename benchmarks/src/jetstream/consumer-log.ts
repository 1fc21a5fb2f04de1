import { type EvtLog, type EvtsByIdOptions, type EntityKey, type PersistedEvt, sliceOf } from 'eventsourced'
import type { JsMsg, NatsConnection } from 'nats'

const EXPIRES_MS = 10_000

/** The same log, but an entity's events come through an ordered consumer of the package's, which is made for them and deleted after. */
export function readingByConsumer(evtLog: EvtLog, connection: NatsConnection, stream: string): EvtLog {
  const js = connection.jetstream()
  async function* evtsById(key: EntityKey, { from = 1, to = 0 }: EvtsByIdOptions = {}): AsyncIterable<PersistedEvt> {
    const filterSubjects = `${stream}.${key.typeName}.${sliceOf(key.id)}.${key.id}`
    const consumer = await js.consumers.get(stream, { filterSubjects })
    const msgs = await consumer.fetch({ max_messages: to - Math.max(from, 1) + 1, expires: EXPIRES_MS })
    for await (const msg of msgs) yield evtOf(key, msg)
    await consumer.delete()
  }
  return {
    persist: (append) => evtLog.persist(append),
    head: (key) => evtLog.head(key),
    headPosition: (options) => evtLog.headPosition(options),
    evtsById,
    evtsByType: (typeName, options) => evtLog.evtsByType(typeName, options),
    ids: (typeName, options) => evtLog.ids(typeName, options),
    deleteEvts: (key, toSeqNo) => evtLog.deleteEvts(key, toSeqNo),
    close: () => evtLog.close(),
  }
}

function evtOf(key: EntityKey, { headers, info, seq, data }: JsMsg): PersistedEvt {
  return {
    key,
    seqNo: Number(headers?.get('Es-Seq-No')),
    position: seq,
    appendId: headers?.get('Es-Append-Id') ?? '',
    type: headers?.get('Es-Type') ?? '',
    version: Number(headers?.get('Es-Version')),
    bytes: data,
    time: new Date(info.timestampNanos / 1e6),
    metadata: {},
  }
}
