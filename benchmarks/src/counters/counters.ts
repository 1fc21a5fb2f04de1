import { report } from '../report.js'
import { benchmarkDistributed } from './distributed.js'
import { benchmarkInstanceAware } from './instance-aware.js'

/** The figures that the issue about counters asks for. */
export async function benchmarkCounters(): Promise<void> {
  await report('counters', [...(await benchmarkDistributed()), ...(await benchmarkInstanceAware())])
}
