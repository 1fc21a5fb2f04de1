import type { EvtLog } from 'eventsourced'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { appender } from './appends.js'

/** How long appends took, and how many there were a second. */
export interface Latencies {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Makes an entity's append, which runs once at a time. */
export type NewEntity = () => () => Promise<void>

/** Entities whose events go into a log. */
export function entitiesOf(evtLog: EvtLog): NewEntity {
  return () => appender(evtLog).append
}

/** A closed loop: each entity appends as soon as its last append is answered, for so many milliseconds after warming up. */
export async function closedLoop(newEntity: NewEntity, entities: number, ms: number): Promise<Latencies> {
  const took = recorder()
  const warmAt = performance.now() + ms / 2
  const until = warmAt + ms
  await Promise.all(
    Array.from({ length: entities }, async () => {
      const append = newEntity()
      for (let now = performance.now(); now < until; ) {
        await append()
        const answeredAt = performance.now()
        if (answeredAt > warmAt) took.add(answeredAt - now)
        now = answeredAt
      }
    }),
  )
  return latencies(took, ms)
}

/**
 * An open loop: appends come at random, so many a second, whether the last are answered or not. An append's time begins when it should have
 * come, so that a stall counts for all that it holds up. `newEntity` makes an entity's append, which runs once at a time.
 */
export async function openLoop(newEntity: NewEntity, perSecond: number, ms: number): Promise<Latencies> {
  const took = recorder()
  // Those with no append in flight.
  const idle: (() => Promise<void>)[] = []
  const clock = new Worker(new URL('./clock.js', import.meta.url))
  await once(clock, 'message')
  const start = performance.now()
  const warmAt = start + ms / 4
  const until = start + ms
  await new Promise<void>((resolve, reject) => {
    let nextAt = start
    let inFlight = 0
    const appendOne = async (dueAt: number): Promise<void> => {
      const append = idle.pop() ?? newEntity()
      inFlight++
      await append()
      if (dueAt > warmAt) took.add(performance.now() - dueAt)
      idle.push(append)
      if (--inFlight === 0 && nextAt >= until) resolve()
    }
    clock.on('message', () => {
      const now = Math.min(performance.now(), until)
      for (; nextAt < now; nextAt -= (Math.log(1 - Math.random()) / perSecond) * 1_000) appendOne(nextAt).catch(reject)
    })
  })
  await clock.terminate()
  return latencies(took, ms - ms / 4)
}

/** Keeps times, in milliseconds. */
interface Recorder {
  readonly add: (ms: number) => void
  readonly all: () => Float64Array
}

/** Numbers in an ordinary array may be objects: so many of them that live would be half of the collector's work while appends wait. */
function recorder(): Recorder {
  let times = new Float64Array(2 ** 17)
  let count = 0
  return {
    add: (ms) => {
      if (count === times.length) {
        const more = new Float64Array(2 * count)
        more.set(times)
        times = more
      }
      times[count++] = ms
    },
    all: () => times.subarray(0, count),
  }
}

function latencies(took: Recorder, ms: number): Latencies {
  const sorted = took.all().sort()
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return { perSecond: (sorted.length / ms) * 1_000, p50: at(0.5), p99: at(0.99) }
}
