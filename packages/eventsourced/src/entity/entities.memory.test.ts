import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import type { Append, EvtLog, Persisted } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { counter } from './counter.test.fixture.js'
import { Entities } from './entities.js'

/*
 * In a file of its own, since it looks at the heap of the whole process. `npm run bench entity` does the same with five times the live
 * entities, and twenty times the ids.
 */

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const LIVE = 20_000
/** 400 MB for 100,000. */
const BYTES_A_LIVE_ONE = 4_000
const IDS = 50_000
const BOUND = 1_000

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function counters(evtLog: EvtLog, maxLive: number) {
  return new Entities(counter, { evtLog, binarizer: jsonBinarizer(), maxLive, idleTimeout: Infinity })
}

/** Sends a command to each of so many new ids, a thousand at a time. */
async function visit(entities: ReturnType<typeof counters>, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, () => entities.ref(randomUUID()).handleCmd({ type: 'Inc', inc: 1 })),
    )
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

test('a live entity takes no more than 4 KB of heap, with what its log keeps of it there', async () => {
  const before = heapUsed()
  const entities = counters(new MemoryEvtLog(), LIVE)
  await visit(entities, LIVE)
  expect(entities.live).toBe(LIVE)
  expect(heapUsed() - before).toBeLessThan(LIVE * BYTES_A_LIVE_ONE)
  await entities.stop()
})

test('any number of ids that pass through a bound of live ones leave nothing on the heap', async () => {
  const entities = counters(new ForgetfulLog(), BOUND)
  await visit(entities, 3 * BOUND)
  const before = heapUsed()
  await visit(entities, IDS)
  // 40 bytes an id: a single reference that is left with each would show.
  expect(heapUsed() - before).toBeLessThan(IDS * 40)
  await entities.stop()
})
