import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import type { Append, EvtLog, Persisted } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { counter } from './counter.test.fixture.js'
import { Entities } from './entities.js'

setFlagsFromString('--expose-gc')
const collectGarbage: unknown = runInNewContext('gc')

/** How many ids are asked at a time. */
const WAVE = 1_000

/** The bytes of heap that live counters take, with what the memory log keeps of the event of each. */
export async function heapOfLive(count: number): Promise<number> {
  const before = heapUsed()
  const entities = counters(new MemoryEvtLog(), count)
  await visit(entities, count)
  if (entities.live !== count) throw new Error(`${entities.live} counters are live, not ${count}`)
  const used = heapUsed() - before
  await entities.stop()
  return used
}

/** By how many bytes the heap grows while ids pass through a bound of live counters. */
export async function heapGrowth({ ids, bound }: { readonly ids: number; readonly bound: number }): Promise<number> {
  const entities = counters(new ForgetfulLog(), bound)
  await visit(entities, 3 * bound)
  const before = heapUsed()
  await visit(entities, ids)
  const grown = heapUsed() - before
  if (entities.live !== bound) throw new Error(`${entities.live} counters are live, not ${bound}`)
  await entities.stop()
  return grown
}

function heapUsed(): number {
  if (!isFunction(collectGarbage)) throw new Error('the engine has no gc()')
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function isFunction(value: unknown): value is () => void {
  return typeof value === 'function'
}

function counters(evtLog: EvtLog, maxLive: number) {
  return new Entities(counter, { evtLog, binarizer: jsonBinarizer(), maxLive, idleTimeout: Infinity })
}

/** Sends a command to each of so many new ids. */
async function visit(entities: ReturnType<typeof counters>, count: number): Promise<void> {
  for (let done = 0; done < count; done += WAVE) {
    await Promise.all(Array.from({ length: WAVE }, () => entities.ref(randomUUID()).handleCmd({ type: 'Inc', inc: 1 })))
  }
}

/** Keeps nothing of what it stores, so that what stays on the heap is the runtime's. */
class ForgetfulLog extends MemoryEvtLog {
  #position = 0

  override async persist({ expected, groups }: Append): Promise<Persisted> {
    const positions = groups.flat().map(() => ++this.#position)
    return {
      groups: groups.length,
      head: { seqNo: expected.seqNo + positions.length, position: this.#position },
      positions,
    }
  }
}
