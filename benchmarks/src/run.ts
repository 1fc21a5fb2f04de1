import { print } from './report.js'

/** The benchmarks, each with what it measures. */
const benchmarks: Readonly<
  Record<string, { readonly about: string; readonly load: () => Promise<(args: string[]) => Promise<void>> }>
> = {
  entity: {
    about: 'the entity runtime: pipelining on both backends, the cost of a command, heap',
    load: async () => (await import('./entity/entity.js')).benchmarkEntity,
  },
  jetstream: {
    about: 'the JetStream log: appends against publishes, recovery against ordered consumers',
    load: async () => (await import('./jetstream/jetstream.js')).benchmarkJetStream,
  },
  postgres: {
    about:
      'the PostgreSQL log: appends beside peers and bare inserts, latency, reads, storage [--events=N] [--only=STEP]',
    load: async () => (await import('./postgres/postgres.js')).benchmarkPostgres,
  },
  projection: {
    about: 'projections: catching up beside a peer and bare writes, live latency, memory [--events=N]',
    load: async () => (await import('./projection/projection.js')).benchmarkProjection,
  },
  counters: {
    about: 'counters: distributed adds against publishes, counters by instance against bare statements',
    load: async () => (await import('./counters/counters.js')).benchmarkCounters,
  },
}

const [name, ...args] = process.argv.slice(2)
const chosen = name === undefined ? undefined : benchmarks[name]
if (chosen !== undefined) {
  const run = await chosen.load()
  await run(args)
} else {
  if (name !== undefined) print(`there is no benchmark ${name}`)
  print('npm run bench NAME, where NAME is one of')
  for (const [known, { about }] of Object.entries(benchmarks)) print(`  ${known.padEnd(12)} ${about}`)
  process.exitCode = name === undefined ? 0 : 1
}
