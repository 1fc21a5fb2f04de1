import type { EvtLog } from 'eventsourced'
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
  const took: number[] = []
  const warmAt = performance.now() + ms / 2
  const until = warmAt + ms
  await Promise.all(
    Array.from({ length: entities }, async () => {
      const append = newEntity()
      for (let now = performance.now(); now < until; ) {
        await append()
        const answeredAt = performance.now()
        if (answeredAt > warmAt) took.push(answeredAt - now)
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
export async function openLoop(
  newEntity: () => () => Promise<void>,
  perSecond: number,
  ms: number,
): Promise<Latencies> {
  const took: number[] = []
  // Those with no append in flight.
  const idle: (() => Promise<void>)[] = []
  const running = new Set<Promise<void>>()
  const start = performance.now()
  const warmAt = start + ms / 4
  const until = start + ms
  const appendOne = async (dueAt: number): Promise<void> => {
    const append = idle.pop() ?? newEntity()
    await append()
    if (dueAt > warmAt) took.push(performance.now() - dueAt)
    idle.push(append)
  }
  await new Promise<void>((resolve) => {
    let dueAt = start
    // A turn a look, without a promise for each: timers come by the millisecond, and garbage would be collected while appends wait.
    const turn = (): void => {
      for (const now = performance.now(); dueAt <= now; dueAt -= (Math.log(1 - Math.random()) / perSecond) * 1_000) {
        const done = appendOne(dueAt).finally(() => running.delete(done))
        running.add(done)
      }
      if (dueAt < until) setImmediate(turn)
      else resolve()
    }
    turn()
  })
  await Promise.all(running)
  return latencies(took, ms - ms / 4)
}

function latencies(took: readonly number[], ms: number): Latencies {
  const sorted = Float64Array.from(took).sort()
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return { perSecond: (took.length / ms) * 1_000, p50: at(0.5), p99: at(0.99) }
}
