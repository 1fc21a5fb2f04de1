import { report } from '../report.js'
import { benchmarkDistributed } from './distributed.js'

/** The figures that the issue about counters asks for. */
export async function benchmarkCounters(): Promise<void> {
  await report('counters', [...(await benchmarkDistributed())])
}
