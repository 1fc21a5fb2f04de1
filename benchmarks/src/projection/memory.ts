import { atLeastOnceGrouped, MemoryOffsetStore } from 'eventsourced'
import type { Evt } from 'eventsourced-counter'
import { type CatchUp, project } from './catch-up.js'
import { BATCH } from './read-model.js'

/**
 * The most memory that is reachable while a projection is behind, in bytes: all of the process's, so that two runs compare by a floor that is
 * above the noise. It is looked at after each so many batches.
 */
export async function peakHeap(catchUp: CatchUp, every: number): Promise<number> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('needs node --expose-gc')
  const used = () => {
    gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  let peak = used()
  let batches = 0
  const look = () => {
    if (++batches % every === 0) peak = Math.max(peak, used())
  }
  await project(catchUp, 'memory', atLeastOnceGrouped<Evt>(new MemoryOffsetStore(), look, { maxEvts: BATCH }))
  return peak
}
