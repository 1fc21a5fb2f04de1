import type { EvtLog, SnapshotStore } from 'eventsourced'
import type { Logger } from 'pino'
import type { CounterConfig } from '../config/config.js'
import { counterBinarizer } from '../counter-binarizer.js'
import type { Answered, ReadSide } from '../totals/read-side.js'
import { drive, type Driven } from './drive.js'
import { forEach } from './for-each.js'
import type { Output } from './progress.js'
import { valueAfter } from './plan.js'
import { checkValue, type SpawnedCounter, spawnCounter } from './spawned-counter.js'

/** How many counters are spawned, checked or stopped at once. */
const AT_ONCE = 64

/** What a run works with. */
export interface RunOptions {
  readonly evtLog: EvtLog
  readonly snapshotStore: SnapshotStore
  /** What is compared with the counters in the end. */
  readonly readSide: Pick<ReadSide, 'summary'>
  readonly config: CounterConfig
  readonly logger: Logger
  /** Where the progress is shown. */
  readonly output: Output
  /** Ends the run early: what was accepted is finished, and the values are checked. */
  readonly signal: AbortSignal
}

/** What came out of a run in which every value was right. */
export interface Outcome extends Driven {
  readonly counters: number
  /** How many events were there from earlier runs. */
  readonly found: number
  /** How long it took, at the end, until all counters were spawned again and had answered; undefined if the run was ended early. */
  readonly recoverySeconds: number | undefined
  /** What the read side says; nothing if the run was ended early. */
  readonly summary: readonly string[]
}

/**
 * Spawns the counters, drives each with events and checks all values; then stops the counters, spawns them again and checks once more, and at
 * last compares them with the read side.
 *
 * @throws if a value is wrong or an event is lost, or if the log fails
 */
export async function run(options: RunOptions): Promise<Outcome> {
  const counters = new Map<number, SpawnedCounter>()
  try {
    await spawnAll(counters, options)
    const found = evtsOf(counters)
    const driven = await drive([...counters.values()], options.config.evtCount, options)
    await forEach(counters.values(), AT_ONCE, checkValue)
    const recoverySeconds = await recoverAll(counters, options)
    const summary = options.signal.aborted ? [] : await options.readSide.summary(answered(counters))
    return { ...driven, counters: counters.size, found, recoverySeconds, summary }
  } finally {
    await stopAll(counters)
  }
}

/** Spawns the counters; those that were there before must have all the events that they had. */
async function spawnAll(counters: Map<number, SpawnedCounter>, options: RunOptions): Promise<void> {
  const { evtLog, snapshotStore, config, logger, signal } = options
  const counterOptions = {
    evtLog,
    snapshotStore,
    binarizer: counterBinarizer,
    logger,
    snapshotAfter: config.snapshotAfter,
  }
  const indexes = Array.from({ length: config.entityCount }, (_, index) => index)
  await forEach(indexes, AT_ONCE, async (index) => {
    if (signal.aborted) return
    counters.set(index, await spawnCounter(index, counters.get(index)?.seqNo ?? 0, counterOptions))
  })
}

async function recoverAll(counters: Map<number, SpawnedCounter>, options: RunOptions): Promise<number | undefined> {
  await stopAll(counters)
  const start = performance.now()
  await spawnAll(counters, options)
  return options.signal.aborted ? undefined : (performance.now() - start) / 1_000
}

async function stopAll(counters: ReadonlyMap<number, SpawnedCounter>): Promise<void> {
  await forEach(counters.values(), AT_ONCE, ({ ref }) => ref.stop())
}

function answered(counters: ReadonlyMap<number, SpawnedCounter>): readonly Answered[] {
  return [...counters.values()].map(({ ref, seqNo }) => ({ id: ref.id, seqNo, value: valueAfter(seqNo) }))
}

function evtsOf(counters: ReadonlyMap<number, SpawnedCounter>): number {
  let evts = 0
  for (const { seqNo } of counters.values()) evts += seqNo
  return evts
}
