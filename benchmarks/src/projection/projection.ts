import type { EvtLog } from 'eventsourced'
import { NatsEvtLog } from 'eventsourced-nats'
import { PostgresEvtLog } from 'eventsourced-postgres'
import { postgresUrl, startNatsServer, startPostgres } from 'eventsourced-tools'
import { Client, Pool } from 'pg'
import { measure, type Measured, median, ratio } from '../measure.js'
import { type Figure, print, printMeasured, report } from '../report.js'
import { byHand, type CatchUp, passing, projecting, readAll, reading, writing } from './catch-up.js'
import { consuming } from './emmett.js'
import { storeEvts } from './evts.js'
import { liveLatencies } from './live.js'
import { peakHeap } from './memory.js'
import { ReadModel } from './read-model.js'

const COUNT = 200_000
const ROUNDS = 5
/** It is slow enough to tell its speed by fewer events. */
const COUNT_OF_EMMETT = 10_000

/** What both logs are measured with. */
interface Setting {
  readonly pool: Pool
  readonly client: Client
  /** Of a second database on the same server, for others. */
  readonly otherUrl: string
}

/** The figures that the issue about projections asks for. `--events N` handles fewer. */
export async function benchmarkProjection(args: readonly string[]): Promise<void> {
  const count = Number(/^--events=(\d+)$/.exec(args[0] ?? '')?.[1] ?? COUNT)
  const postgres = await startPostgres({ settings: { max_wal_size: '4GB' } })
  const connection = await postgres.createDatabase()
  const pool = new Pool(connection)
  const client = new Client(connection)
  await client.connect()
  const otherUrl = postgresUrl(await postgres.createDatabase())
  const setting = { pool, client, otherUrl }

  const postgresLog = await PostgresEvtLog.create({ connection, setup: true })
  const figures = await onPostgres(postgresLog, count, setting)
  await postgresLog.close()

  const nats = await startNatsServer()
  const natsLog = await NatsEvtLog.create({ servers: nats.url, stream: 'bench', setup: true })
  figures.push(...(await onJetStream(natsLog, count, setting)))
  await natsLog.close()
  await nats.stop()

  await client.end()
  await pool.end()
  await postgres.stop()
  await report('projection', figures, { write: count === COUNT })
}

async function onPostgres(evtLog: EvtLog, count: number, { pool, client, otherUrl }: Setting): Promise<Figure[]> {
  const catchUp = await stored(evtLog, count)
  const readModel = new ReadModel('lines_postgres')
  await readModel.create(client)
  const lines = await readAll(catchUp)
  const others = new Client({ connectionString: otherUrl })
  await others.connect()
  const theirs = new ReadModel('lines_emmett')
  await theirs.create(others)
  const ids = [...new Set(lines.map(({ id }) => id))].slice(0, 100)
  const emmett = await consuming(otherUrl, { readModel: theirs, client: others, ids, count: COUNT_OF_EMMETT })
  const measured = await measure(
    [
      projecting(catchUp, readModel, pool, client),
      writing(lines, readModel, client),
      byHand(catchUp, readModel, client),
      emmett,
      passing(catchUp),
      reading(catchUp),
    ],
    ROUNDS,
  )
  await emmett.close()
  await others.end()
  printMeasured(`catching up with ${count.toLocaleString('en')} events of PostgreSQL`, measured)
  const [ours, bare, hand, peer, nothing, reader] = measured
  const few = await stored(evtLog, count / 4, 'few')
  return [
    { what: 'PostgreSQL: exactly once, grouped / emmett', value: ratio(ours, peer), target: '>= 10' },
    { what: 'PostgreSQL: exactly once, grouped / the same batched writes', value: ratio(ours, bare), target: '>= 0.5' },
    {
      what: 'PostgreSQL: exactly once, grouped / the same by hand, read from the log',
      value: ratio(ours, hand),
      target: 'about 1',
    },
    { what: '64 slices that do nothing / one reader of the log', value: ratio(nothing, reader), target: 'about 1' },
    ...(await live(evtLog, 'PostgreSQL', { readModel, pool, client })),
    ...(await memory(catchUp, few)),
  ]
}

async function onJetStream(evtLog: EvtLog, count: number, { pool, client }: Setting): Promise<Figure[]> {
  const catchUp = await stored(evtLog, count)
  const readModel = new ReadModel('lines_jetstream')
  await readModel.create(client)
  const lines = await readAll(catchUp)
  const contenders = [projecting(catchUp, readModel, pool, client), writing(lines, readModel, client), reading(catchUp)]
  const measured: readonly Measured[] = await measure(contenders, ROUNDS)
  printMeasured(`catching up with ${count.toLocaleString('en')} events of JetStream`, measured)
  const [ours, bare, reader] = measured
  return [
    { what: 'JetStream: exactly once, grouped / the same batched writes', value: ratio(ours, bare), target: '>= 0.5' },
    {
      what: 'JetStream: exactly once, grouped / one reader of the log',
      value: ratio(ours, reader),
      target: 'about 1',
    },
    ...(await live(evtLog, 'JetStream', { readModel, pool, client })),
  ]
}

async function stored(evtLog: EvtLog, count: number, typeName?: string): Promise<CatchUp> {
  return { evtLog, count, ...(await storeEvts(evtLog, count, typeName)) }
}

async function live(
  evtLog: EvtLog,
  what: string,
  { readModel, pool, client }: { readonly readModel: ReadModel; readonly pool: Pool; readonly client: Client },
): Promise<Figure[]> {
  const latencies = await liveLatencies(evtLog, readModel, pool, client)
  print(`  live, ${what}: ${Math.min(...latencies).toFixed(1)} to ${Math.max(...latencies).toFixed(1)} ms`)
  return [{ what: `${what}: commit to read model, median ms`, value: median(latencies), target: '< 25' }]
}

async function memory(many: CatchUp, few: CatchUp): Promise<Figure[]> {
  const [ofFew, ofMany] = [await peakHeap(few, 3), await peakHeap(many, 10)]
  const megabytes = (bytes: number) => (bytes / 1_048_576).toFixed(1)
  print(`  heap while behind: ${megabytes(ofFew)} MB by ${few.count} events, ${megabytes(ofMany)} MB by ${many.count}`)
  return [{ what: 'heap of the process while four times as far behind', value: ofMany / ofFew, target: 'about 1' }]
}
