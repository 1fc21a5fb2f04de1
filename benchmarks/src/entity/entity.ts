import { NatsEvtLog } from 'eventsourced-nats'
import { PostgresEvtLog } from 'eventsourced-postgres'
import { startNatsServer, startPostgres } from 'eventsourced-tools'
import { measure, measureApart, ratio } from '../measure.js'
import { type Figure, print, printMeasured, report } from '../report.js'
import { bareBatches } from './bare-batches.js'
import { BARE_LOOP, ON_MEMORY } from './bare-loop.js'
import { heapGrowth, heapOfLive } from './heap.js'
import { manyCallers, oneAtATime } from './hot-entity.js'
import { withAndWithoutSnapshots } from './snapshot-delay.js'
import { telemetryCost } from './telemetry-cost.js'

/** The figures that the issue about the entity runtime asks for. */
export async function benchmarkEntity(): Promise<void> {
  const figures: Figure[] = [...(await costOfACommand()), ...(await pipelining()), ...(await heap())]
  await report('entity', figures)
}

async function costOfACommand(): Promise<Figure[]> {
  const [runtime, bare] = await measureApart(new URL('command-cost.js', import.meta.url), [ON_MEMORY, BARE_LOOP])
  printMeasured(
    '1,000 entities with one command in flight each',
    [runtime, bare].flatMap((one) => one ?? []),
  )
  const [snapshots, none] = await measure(withAndWithoutSnapshots(), 9)
  printMeasured(
    'one entity, each command awaited',
    [snapshots, none].flatMap((one) => one ?? []),
  )
  const telemetry = await telemetryCost()
  print(`\ntelemetry without an SDK: ${telemetry.toFixed(0)} ns a command`)
  return [
    { what: 'memory log: runtime / bare loop', value: ratio(runtime, bare), target: '>= 0.5' },
    { what: 'memory log: commands/s', value: runtime?.median ?? Number.NaN, target: '>= 250,000 on one quiet core' },
    { what: 'commands/s with slow snapshots / without', value: ratio(snapshots, none), target: 'about 1' },
    { what: 'telemetry without an SDK, ns a command', value: telemetry, target: '< 150' },
  ]
}

async function pipelining(): Promise<Figure[]> {
  return [...(await pipeliningOnPostgres()), ...(await pipeliningOnJetStream())]
}

async function pipeliningOnPostgres(): Promise<Figure[]> {
  const postgres = await startPostgres()
  const { host, port, user, password, database } = postgres
  const evtLog = await PostgresEvtLog.create({ connection: { host, port, user, password, database }, setup: true })
  const measured = await measure([manyCallers(evtLog), oneAtATime(evtLog)])
  await evtLog.close()
  await postgres.stop()
  printMeasured('one hot entity on PostgreSQL', measured)
  const [many, one] = measured
  return [{ what: 'PostgreSQL: 1,000 callers / each append awaited', value: ratio(many, one), target: '>= 15' }]
}

async function pipeliningOnJetStream(): Promise<Figure[]> {
  const nats = await startNatsServer()
  const stream = 'bench'
  const evtLog = await NatsEvtLog.create({ servers: nats.url, stream, setup: true })
  const measured = await measure([manyCallers(evtLog), oneAtATime(evtLog), bareBatches(nats.url, stream)])
  await evtLog.close()
  await nats.stop()
  printMeasured('one hot entity on JetStream', measured)
  const [many, one, bare] = measured
  return [
    { what: 'JetStream: 1,000 callers / each append awaited', value: ratio(many, one), target: '>= 15' },
    {
      what: 'JetStream: bare atomic batches / each append awaited',
      value: ratio(bare, one),
      target: 'the most there is',
    },
    { what: 'JetStream: 1,000 callers / bare atomic batches', value: ratio(many, bare), target: 'below 1' },
  ]
}

async function heap(): Promise<Figure[]> {
  const live = await heapOfLive(100_000)
  const { before, after } = await heapGrowth(1_000_000, 10_000)
  print(`\nheap: ${live.toFixed(0)} MB for 100,000 live counters with their events`)
  print(
    `heap: ${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after 1,000,000 ids passed through 10,000 live ones`,
  )
  return [
    { what: 'heap of 100,000 live counters, MB', value: live, target: '<= 400' },
    { what: 'heap after 1,000,000 ids / before', value: after / before, target: 'about 1' },
  ]
}
