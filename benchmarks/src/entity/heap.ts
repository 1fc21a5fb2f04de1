import { Entities, MemoryEvtLog } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { v7 } from 'uuid'

const WAVE = 1_000

/** MB of heap after a full garbage collection. */
function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

/** MB of heap that live counters with one event each take. */
export async function heapOfLive(count: number): Promise<number> {
  const before = heapUsed()
  const counters = new Entities(counter, {
    evtLog: new MemoryEvtLog(),
    binarizer: counterBinarizer,
    maxLive: count,
    idleTimeout: Infinity,
  })
  await visit(counters, count)
  const used = heapUsed() - before
  if (counters.live !== count) throw new Error(`${counters.live} counters are live, not ${count}`)
  await counters.stop()
  return used
}

/**
 * How much the heap grows while as many ids pass through a bound of live ones. The memory log keeps something of each id, so each
 * wave has a log of its own: what is left is what the runtime would leak.
 */
export async function heapGrowth(
  ids: number,
  maxLive: number,
): Promise<{ readonly before: number; readonly after: number }> {
  const evtLog = new ForgetfulLog()
  const counters = new Entities(counter, { evtLog, binarizer: counterBinarizer, maxLive, idleTimeout: Infinity })
  await visit(counters, maxLive * 2)
  const before = heapUsed()
  await visit(counters, ids)
  const after = heapUsed()
  await counters.stop()
  return { before, after }
}

async function visit(
  counters: Entities<Parameters<typeof counter.handleCmd>[1], unknown, bigint>,
  count: number,
): Promise<void> {
  for (let done = 0; done < count; done += WAVE) {
    await Promise.all(Array.from({ length: WAVE }, () => counters.ref(v7()).handleCmd({ type: 'Inc', inc: 1n })))
  }
}

/** A log that keeps nothing, so that what stays on the heap is the runtime's. */
class ForgetfulLog extends MemoryEvtLog {
  #position = 0

  override async persist(
    ...[{ expected, groups }]: Parameters<MemoryEvtLog['persist']>
  ): ReturnType<MemoryEvtLog['persist']> {
    const positions = groups.flat().map(() => ++this.#position)
    const seqNo = expected.seqNo + positions.length
    return { groups: groups.length, head: { seqNo, position: this.#position }, positions }
  }
}
