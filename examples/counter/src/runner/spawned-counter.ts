import { Entity, type EntityOptions, type EntityRef, snapshotEvery } from 'eventsourced'
import { counter, type Dec, type Evt, type Inc } from '../counter.js'
import { cmdAfter, idOf, valueAfter } from './plan.js'

/** A running counter. */
export interface SpawnedCounter {
  readonly index: number
  readonly ref: EntityRef<Inc | Dec, Evt>
  /** The last of its events that this run knows to be stored. */
  seqNo: number
}

/** What counters run on, and after how many events they take a snapshot. */
export interface CounterOptions extends EntityOptions<Evt, bigint> {
  readonly snapshotAfter: number
}

/**
 * Spawns a counter, with its events of before, and checks its value.
 *
 * @param seqNo the last of its events that is known to be stored
 * @throws if the value is wrong, or events are lost
 */
export async function spawnCounter(
  index: number,
  seqNo: number,
  { snapshotAfter, ...options }: CounterOptions,
): Promise<SpawnedCounter> {
  const snapshot = snapshotEvery(snapshotAfter)
  const ref = await Entity.spawn(idOf(index), { ...counter, snapshot }, options)
  const spawned = { index, ref, seqNo }
  try {
    await checkValue(spawned)
  } catch (error) {
    await ref.stop()
    throw error
  }
  return spawned
}

/**
 * Sends the command that is next, and waits until its event is stored.
 *
 * @returns whether it was this command's: another run on the same counters may have been first
 */
export async function sendNext(spawned: SpawnedCounter): Promise<boolean> {
  const result = await spawned.ref.handleCmd(cmdAfter(spawned.seqNo), { expectedSeqNo: spawned.seqNo })
  if (result.ok) {
    spawned.seqNo = result.seqNo
    return true
  }
  if (result.rejection.type !== 'MovedOn') {
    throw new Error(`counter ${spawned.ref.id} after event ${spawned.seqNo} rejected: ${result.rejection.type}`)
  }
  spawned.seqNo = result.rejection.seqNo
  return false
}

/** Checks a counter's value against what the commands acknowledged so far must have made it. @throws if it is wrong, or events are lost */
export async function checkValue(spawned: SpawnedCounter): Promise<void> {
  const result = await spawned.ref.handleCmd({ type: 'Inc', inc: 0n }, { fresh: true })
  if (!result.ok) throw new Error(`counter ${spawned.ref.id} rejected adding nothing: ${result.rejection.type}`)
  const { reply: value, seqNo } = result
  if (seqNo < spawned.seqNo) {
    throw new Error(`counter ${spawned.ref.id} lost events: ${spawned.seqNo} were acknowledged, ${seqNo} are there`)
  }
  if (value !== valueAfter(seqNo)) {
    throw new Error(`counter ${spawned.ref.id} is ${value} after ${seqNo} events: expected ${valueAfter(seqNo)}`)
  }
  spawned.seqNo = seqNo
}
