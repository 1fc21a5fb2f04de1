import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendIds, entityKey, type EvtLog, type Head, Projection } from 'eventsourced'
import { counterBinarizer, type Evt } from 'eventsourced-counter'
import { exactlyOnce } from 'eventsourced-postgres'
import type { Client, Pool } from 'pg'
import type { ReadModel } from './read-model.js'

const SAMPLES = 200
const MAX_PAUSE_MS = 30

/** Milliseconds from an event's commit, as its writer hears of it, to the commit of what a projection makes of it, as a waiter hears of that. */
export async function liveLatencies(
  evtLog: EvtLog,
  readModel: ReadModel,
  pool: Pool,
  client: Client,
): Promise<number[]> {
  await readModel.clear(client)
  const handler = exactlyOnce<Evt>(pool, ({ key, seqNo }, tx) => readModel.write(tx, [{ id: key.id, seqNo, inc: 1n }]))
  const projection = await Projection.start({
    name: `${readModel.table}-live`,
    typeName: 'live',
    evtLog,
    binarizer: counterBinarizer,
    handler,
  })
  const evt = { ...counterBinarizer.encodeEvt({ type: 'Increased', oldValue: 41n, inc: 1n }), metadata: {} }
  const nextAppendId = appendIds()
  const key = entityKey('live', randomUUID())
  let expected: Head = { seqNo: 0, position: 0 }
  const latencies: number[] = []
  for (let sample = -10; sample < SAMPLES; sample++) {
    await sleep(Math.random() * MAX_PAUSE_MS)
    expected = (await evtLog.persist({ key, expected, appendId: nextAppendId(), groups: [[evt]] })).head
    const storedAt = performance.now()
    await projection.reached({ key, position: expected.position })
    // The first ones warm up.
    if (sample >= 0) latencies.push(performance.now() - storedAt)
  }
  await projection.stop()
  return latencies
}
