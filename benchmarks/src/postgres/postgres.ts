import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PostgresEvtLog } from 'eventsourced-postgres'
import { postgresUrl, type PostgresConnection, type PostgresServer, startPostgres } from 'eventsourced-tools'
import type { Client } from 'pg'
import { type Measured, measure, median, ratio } from '../measure.js'
import { type Figure, print, printMeasured, report } from '../report.js'
import { apart, processesTogether } from './apart.js'
import { PAYLOAD, persisting } from './appends.js'
import { bareInserts, bareSingleInserts, connected } from './bare-inserts.js'
import { growth } from './growth.js'
import { lone } from './lone.js'
import { castore, emmett } from './peers.js'
import { plot } from './plot.js'
import { liveLatency, replaying } from './reads.js'
import { footprint, snapshotBloat } from './storage.js'

/** 3 GB of them, less than `min_wal_size`. */
const WAL_FILES = 192
const PLOT = fileURLToPath(new URL('../../../docs/postgres-throughput.svg', import.meta.url))

/** What a step works with: a database of its own on a server that syncs, with a log in it. */
interface Setting {
  readonly server: PostgresServer
  readonly connection: PostgresConnection
  readonly client: Client
  readonly evtLog: PostgresEvtLog
  /** How many events many are. */
  readonly evts: number
}

type Step = (setting: Setting) => Promise<Figure[]>

const STEPS: Readonly<Record<string, Step>> = {
  peers,
  throughput,
  lone: single,
  latency,
  curve,
  reads,
  processes,
  storage,
  growth: grown,
}

/**
 * The figures that the issue about PostgreSQL asks for. `--events=N` stores fewer than 10 million; `--only=STEP` takes one step, and
 * writes no results.
 */
export async function benchmarkPostgres(args: readonly string[]): Promise<void> {
  const options = { events: { type: 'string', default: '10000000' }, only: { type: 'string', multiple: true } } as const
  const { values } = parseArgs({ args: [...args], options })
  const names = values.only ?? Object.keys(STEPS)
  // Fsync and synchronous_commit are on by default. Room for WAL, so that no checkpoint falls into one contender's rounds alone.
  const settings = { max_wal_size: '8GB', min_wal_size: '4GB', shared_buffers: '512MB' }
  const server = await startPostgres({ settings })
  await makeWalFiles(server)
  const figures: Figure[] = []
  for (const name of names) {
    const step = STEPS[name]
    if (step === undefined) throw new Error(`there is no step ${name}: one of ${Object.keys(STEPS).join(', ')}`)
    figures.push(...(await withLog(server, Number(values.events), step)))
  }
  await server.stop()
  await report('postgres', figures, { write: values.only === undefined })
}

/**
 * A server that has run for a while takes its old files of WAL again. A new one makes each when it is needed, 16 MB of zeros and a sync of some
 * 20 ms, while whoever commits waits: so it is given some to begin with.
 */
async function makeWalFiles(server: PostgresServer): Promise<void> {
  const client = await connected(server)
  for (let file = 0; file < WAL_FILES; file++) {
    await client.query("SELECT pg_logical_emit_message(false, 'next', ''), pg_switch_wal()")
  }
  await client.query('CHECKPOINT')
  await client.end()
}

async function withLog(server: PostgresServer, evts: number, step: Step): Promise<Figure[]> {
  const connection = await server.createDatabase()
  const client = await connected(connection)
  // What the last step has written is free for this one.
  await client.query('CHECKPOINT')
  const evtLog = await PostgresEvtLog.create({ connection, setup: true })
  const figures = await step({ server, connection, client, evtLog, evts })
  await client.end()
  await evtLog.close()
  return figures
}

async function peers({ server, evtLog }: Setting): Promise<Figure[]> {
  const ofEmmett = await emmett(postgresUrl(await server.createDatabase()), 2)
  const ofCastore = await castore(postgresUrl(await server.createDatabase()), 4)
  const measured = await measure([persisting(evtLog, 40), ofEmmett, ofCastore])
  await Promise.all([ofEmmett.close(), ofCastore.close()])
  printMeasured('1,000 entities with one append in flight each, beside peers', measured)
  const [persist, emmetts, castores] = measured
  return [
    { what: 'appends/s: persist / emmett-postgresql', value: ratio(persist, emmetts), target: '>= 20' },
    { what: 'appends/s: persist / castore', value: ratio(persist, castores), target: '>= 7' },
  ]
}

async function throughput({ connection, client, evtLog }: Setting): Promise<Figure[]> {
  // How large the log's batches are by themselves: those of a transaction have one time.
  await persisting(evtLog, 20).run()
  const { rows } = await client.query<{ batch: string }>(
    'SELECT count(*) / count(DISTINCT time) AS batch FROM eventsourced.events WHERE seq_no > 5 AND seq_no < 15',
  )
  const batch = Number(rows[0]?.batch)
  const second = await connected(connection)
  const measured = await measure(
    [
      persisting(evtLog, 40),
      bareInserts([client], { batch, times: 40 }),
      bareInserts([client, second], { batch, times: 40 }),
    ],
    7,
  )
  await second.end()
  printMeasured('1,000 entities with one append in flight each, beside bare inserts', measured)
  const [persist, bare, bareOnTwo] = measured
  const { evts, table, indexes } = await footprint(client)
  print(
    `\n${evts.toLocaleString('en')} events of ${PAYLOAD.byteLength} bytes: ${table.toFixed(0)} + ${indexes.toFixed(0)} bytes each`,
  )
  return [
    { what: 'appends/s: persist', value: persist?.median ?? Number.NaN, target: 'reported' },
    { what: 'appends/s: persist / bare INSERT FROM unnest', value: ratio(persist, bare), target: '>= 0.6' },
    { what: 'the same on two connections at once', value: ratio(persist, bareOnTwo), target: 'reported' },
    { what: 'rows a batch', value: batch, target: 'reported' },
    { what: `bytes of the table an event of ${PAYLOAD.byteLength}`, value: table, target: 'small' },
    { what: `bytes of the indexes an event of ${PAYLOAD.byteLength}`, value: indexes, target: 'small' },
  ]
}

async function single({ client, evtLog }: Setting): Promise<Figure[]> {
  const measured = await measure([lone(evtLog, 1_500), bareSingleInserts(client, 1_500)], 7)
  printMeasured('a lone entity, each append awaited', measured)
  const [persist, bare] = measured
  return [{ what: 'a lone append / a bare prepared INSERT', value: ratio(bare, persist), target: '<= 1.4' }]
}

/** Rounds at half the peak load, in turns of a process each. A process's first ones warm it up: they are not counted. */
async function latency({ connection }: Setting): Promise<Figure[]> {
  const url = postgresUrl(connection)
  const [, peak] = await apart(url, 'log', { loop: 'closed', of: [1_000, 1_000], ms: 2_000 })
  const perSecond = (peak?.perSecond ?? Number.NaN) / 2
  const contenders = [
    { way: 'log', name: 'EvtLog.persist', ratios: [] as number[] },
    { way: 'bare', name: 'bare INSERT … FROM unnest of what waits', ratios: [] as number[] },
  ] as const
  print(`\nat half the peak load: ${Math.round(perSecond).toLocaleString('en')} appends/s at random`)
  for (let turn = 0; turn < 3; turn++) {
    for (const { way, name, ratios } of contenders) {
      const rounds = await apart(url, way, { loop: 'open', of: Array.from({ length: 5 }, () => perSecond), ms: 2_000 })
      for (const { p50, p99 } of rounds.slice(2)) {
        print(`  ${name.padEnd(44)} p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
        ratios.push(p99 / p50)
      }
    }
  }
  const [value, ofBare] = contenders.map(({ ratios }) => median(ratios))
  return [
    { what: 'at half the peak load: p99 / p50', value: value ?? Number.NaN, target: '< 5' },
    {
      what: 'at half the peak load: p99 / p50 of bare inserts of what waits',
      value: ofBare ?? Number.NaN,
      target: 'reported',
    },
  ]
}

async function curve({ connection }: Setting): Promise<Figure[]> {
  const counts = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000]
  print('\nentities with one append in flight each')
  // The first round warms the process up.
  const of = [1_000, ...counts]
  const [, ...rounds] = await apart(postgresUrl(connection), 'log', { loop: 'closed', of, ms: 1_200 })
  const curves = rounds.map((latencies, index) => ({ entities: counts[index] ?? Number.NaN, ...latencies }))
  for (const { entities, perSecond, p50, p99 } of curves) {
    const rate = Math.round(perSecond).toLocaleString('en').padStart(9)
    print(
      `  ${entities.toLocaleString('en').padStart(6)}  ${rate} /s   p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms`,
    )
  }
  const points = (what: 'perSecond' | 'p50' | 'p99') => curves.map((one) => [one.entities, one[what]] as const)
  const x = 'entities with one append in flight each'
  const svg = plot([
    {
      title: 'Throughput of appends to PostgreSQL',
      x,
      y: 'appends a second',
      lines: [{ name: 'appends/s', color: '#0969da', points: points('perSecond') }],
    },
    {
      title: 'Latency of an append',
      x,
      y: 'milliseconds',
      lines: [
        { name: 'p99', color: '#cf222e', points: points('p99') },
        { name: 'p50', color: '#1a7f37', points: points('p50') },
      ],
    },
  ])
  await writeFile(PLOT, svg)
  print(`  plotted to docs/postgres-throughput.svg`)
  return []
}

async function reads({ client, evtLog }: Setting): Promise<Figure[]> {
  const measured: Measured[] = await measure(await replaying(evtLog, client))
  printMeasured('replaying an entity of 50,000 events', measured)
  const [replay, raw] = measured
  const live = await liveLatency(evtLog, 300)
  return [
    { what: 'replay by id / raw SELECT', value: ratio(replay, raw), target: '>= 0.8' },
    { what: 'from commit to a live reader, median ms', value: live, target: '< 5' },
  ]
}

async function processes({ connection }: Setting): Promise<Figure[]> {
  const contenders = [
    { way: 'log', name: 'EvtLog.persist', ratios: [] as number[] },
    { way: 'bare', name: 'bare inserts of what waits', ratios: [] as number[] },
    { way: 'locked', name: 'the same under a lock', ratios: [] as number[] },
  ] as const
  print('\nappends/s of one process, and of four together')
  for (let round = 0; round < 3; round++) {
    for (const { way, name, ratios } of contenders) {
      const one = await processesTogether(postgresUrl(connection), 1, way)
      const four = await processesTogether(postgresUrl(connection), 4, way)
      const rates = [one, four].map((rate) => Math.round(rate).toLocaleString('en').padStart(9))
      print(`  ${name}`.padEnd(34) + rates.join(''))
      ratios.push(four / one)
    }
  }
  const [log, bare, locked] = contenders.map(({ ratios }) => median(ratios))
  return [
    { what: 'appends/s: four processes / one', value: log ?? Number.NaN, target: '>= 1' },
    { what: 'bare inserts of what waits: four processes / one', value: bare ?? Number.NaN, target: 'reported' },
    { what: 'the same under a lock: four processes / one', value: locked ?? Number.NaN, target: 'reported' },
  ]
}

async function storage({ connection }: Setting): Promise<Figure[]> {
  const figures = []
  for (const size of [200, 2_000, 20_000, 200_000]) {
    for (const { bytes, times, value } of await snapshotBloat(connection, size)) {
      const what = `snapshots of ${bytes.toLocaleString('en')} bytes overwritten ${times.toLocaleString('en')} times / once`
      figures.push({ what, value, target: 'small' })
    }
  }
  return figures
}

async function grown({ server, connection, evts }: Setting): Promise<Figure[]> {
  const value = await growth(connection, await server.createDatabase(), evts)
  return [{ what: `an append at ${evts.toLocaleString('en')} events / at 10,000`, value, target: '<= 1.3' }]
}
