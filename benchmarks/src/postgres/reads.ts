import { appendIds, type EvtLog, type Head } from 'eventsourced'
import type { Client } from 'pg'
import { type Contender, median } from '../measure.js'
import { appender, PAYLOAD } from './appends.js'

const EVTS = 50_000
const RAW = `
  SELECT position, seq_no, append_writer, append_no, time, version, type, bytes, metadata FROM eventsourced.events
  WHERE type_name = $1 AND id = $2 ORDER BY seq_no`

/** Replaying an entity of many events, and the raw SELECT of the same rows and columns, with all that `pg` makes of them. */
export async function replaying(evtLog: EvtLog, client: Client): Promise<Contender[]> {
  const { key } = appender()
  await store(evtLog, key)
  return [
    {
      name: 'evtsById',
      run: async () => {
        let count = 0
        for await (const _ of evtLog.evtsById(key)) count++
        return checked(count)
      },
    },
    {
      name: 'raw SELECT',
      run: async () => {
        const { rows } = await client.query({ name: 'raw', text: RAW, values: [key.typeName, key.id] })
        return checked(rows.length)
      },
    },
  ]
}

async function store(evtLog: EvtLog, key: { readonly typeName: string; readonly id: string }): Promise<void> {
  const nextAppendId = appendIds()
  const evt = { type: 'Increased', version: 1, bytes: PAYLOAD, metadata: {} }
  let expected: Head = { seqNo: 0, position: 0 }
  while (expected.seqNo < EVTS) {
    const groups = Array.from({ length: 1_000 }, () => [evt])
    expected = (await evtLog.persist({ key, expected, appendId: nextAppendId(), groups })).head
  }
}

function checked(count: number): number {
  if (count !== EVTS) throw new Error(`${count} events came instead of ${EVTS}`)
  return count
}

/** From the moment a lone append is acknowledged until a live reader has its event: the median, in milliseconds. */
export async function liveLatency(evtLog: EvtLog, times: number): Promise<number> {
  const { key, append } = appender(evtLog)
  const over = new AbortController()
  const after = await evtLog.headPosition()
  const live = evtLog.evtsByType(key.typeName, { after, live: true, signal: over.signal })
  const evts = live[Symbol.asyncIterator]()
  const took: number[] = []
  for (let n = 0; n <= times; n++) {
    const came = evts.next().then(() => performance.now())
    await append()
    const committedAt = performance.now()
    const cameAt = await came
    // The first waits for LISTEN itself. An event may come before its writer has heard of the commit.
    if (n > 0) took.push(Math.max(0, cameAt - committedAt))
  }
  over.abort()
  await evts.next().catch(() => undefined)
  return median(took)
}
