import {
  type CounterStore,
  type InstanceAwareCounter,
  laxCounter,
  MemoryCounterStore,
  strictCounter,
} from 'eventsourced/counters'
import { NatsCounterStore } from 'eventsourced-nats'
import { PostgresCounterStore } from 'eventsourced-postgres'
import { startNatsServer, startPostgres } from 'eventsourced-tools'
import { connect, type KV } from 'nats'
import { Pool } from 'pg'
import { type Contender, measure, ratio } from '../measure.js'
import { type Figure, printMeasured } from '../report.js'

const KEYS = 100
const INSTANCES = 4
const MANY_INSTANCES = 200
const IN_FLIGHT = 16
const OPERATIONS = 10_000
const LONE_OPERATIONS = 1_000
const LAX_OPERATIONS = 1_000_000

/** What counts up a key, by its number, and the operation's: both choose among what there is. */
type Inc = (key: number, operation: number) => Promise<unknown>

/** Counters by instance: strict ones against the bare statement and the bare swap, lax ones in process. */
export async function benchmarkInstanceAware(): Promise<Figure[]> {
  return [...(await onPostgres()), ...(await onNats()), ...(await lax())]
}

async function onPostgres(): Promise<Figure[]> {
  const postgres = await startPostgres()
  const { host, port, user, password, database } = postgres
  const pool = new Pool({ host, port, user, password, database, max: IN_FLIGHT })
  const store = await PostgresCounterStore.create({ pool, setup: true })
  const few = await countersOf(store, 'few', INSTANCES)
  const many = await countersOf(store, 'many', MANY_INSTANCES)
  for (const counter of many)
    await pipelined((key) => counter.inc(keyName(key), 1), { operations: KEYS, inFlight: IN_FLIGHT })
  const measured = await measure([
    contender(`strict, ${INSTANCES} instances a key`, incOf(few)),
    contender('bare prepared upsert of the slice', bareUpsert(pool)),
  ])
  const lone = await measure([
    contender('strict, one at a time', incOf(few), { operations: LONE_OPERATIONS, inFlight: 1 }),
    contender('bare, one at a time', bareUpsert(pool), { operations: LONE_OPERATIONS, inFlight: 1 }),
  ])
  const [crowded] = await measure([contender(`strict, ${MANY_INSTANCES} instances a key`, incOf(many))], 2)
  printMeasured(
    `PostgreSQL: ${KEYS} keys, ${IN_FLIGHT} operations in flight`,
    [...measured, ...lone, crowded].flatMap((one) => one ?? []),
  )
  await Promise.all([...few, ...many].map((counter) => counter.close()))
  await store.close()
  await pool.end()
  await postgres.stop()
  const [strict, bare] = measured
  return [
    { what: 'instance-aware: PostgreSQL strict / bare upsert', value: ratio(strict, bare), target: '>= 0.6' },
    { what: 'instance-aware: PostgreSQL strict / bare, lone', value: ratio(lone[0], lone[1]), target: 'none' },
    {
      what: 'instance-aware: PostgreSQL strict/s, 200 instances a key',
      value: crowded?.median ?? Number.NaN,
      target: 'none',
    },
  ]
}

async function onNats(): Promise<Figure[]> {
  const server = await startNatsServer()
  const connection = await connect({ servers: server.url })
  const store = await NatsCounterStore.create({ connection, bucket: 'counters', setup: true })
  const counters = await countersOf(store, 'few', INSTANCES)
  const kv = await connection.jetstream().views.kv('bare')
  const measured = await measure([
    contender(`strict, ${INSTANCES} instances a key`, incOf(counters)),
    contender('bare get and update of a KV entry', bareSwap(kv)),
  ])
  printMeasured(`JetStream: ${KEYS} keys, ${IN_FLIGHT} operations in flight`, measured)
  await Promise.all(counters.map((counter) => counter.close()))
  await store.close()
  await connection.close()
  await server.stop()
  const [strict, bare] = measured
  return [
    { what: 'instance-aware: JetStream strict / bare get and update', value: ratio(strict, bare), target: 'none' },
  ]
}

async function lax(): Promise<Figure[]> {
  const counter = laxCounter(await strictCounter(new MemoryCounterStore(), { namespace: 'bench' }))
  const keys = Array.from({ length: KEYS }, (_, index) => keyName(index))
  const measured = await measure([
    {
      name: 'lax, each increment awaited',
      run: async () => {
        for (let operation = 0; operation < LAX_OPERATIONS; operation++) {
          await counter.inc(keys[operation % KEYS] ?? '', 1)
        }
        return LAX_OPERATIONS
      },
    },
  ])
  printMeasured(`in process: ${KEYS} keys`, measured)
  await counter.close()
  const [one] = measured
  return [{ what: 'instance-aware: lax inc/s', value: one?.median ?? Number.NaN, target: '>= 500,000' }]
}

function countersOf(store: CounterStore, namespace: string, count: number): Promise<InstanceAwareCounter[]> {
  return Promise.all(Array.from({ length: count }, () => strictCounter(store, { namespace })))
}

function incOf(counters: readonly InstanceAwareCounter[]): Inc {
  return async (key, operation) => counters[operation % counters.length]?.inc(keyName(key), 1)
}

/** What one would write by hand, without epochs, lives, totals and repetition. */
function bareUpsert(pool: Pool): Inc {
  const statement = {
    name: 'bare',
    text: `INSERT INTO eventsourced.counters AS s
      (epoch, generation, count, change_no, answer_total, answer_own, changed_at, change_writer, namespace, key, instance_id)
      VALUES (1, 1, 1, 1, 1, 1, now(), gen_random_uuid(), 'bare', $1, $2)
      ON CONFLICT (namespace, key, instance_id) DO UPDATE SET count = s.count + 1, changed_at = now() RETURNING count`,
  }
  return (key, operation) => pool.query({ ...statement, values: [keyName(key), `i${operation % INSTANCES}`] })
}

function bareSwap(kv: KV): Inc {
  // One swap of a key at a time, so that none fails.
  const lanes = new Map<string, Promise<unknown>>()
  return (key) => {
    const name = keyName(key)
    const swap = async (): Promise<void> => {
      const entry = await kv.get(name)
      await kv.put(name, String(Number(entry?.string() ?? 0) + 1), { previousSeq: entry?.revision ?? 0 })
    }
    const swapped = (lanes.get(name) ?? Promise.resolve()).then(swap)
    lanes.set(name, swapped)
    return swapped
  }
}

interface Load {
  readonly operations: number
  readonly inFlight: number
}

function contender(name: string, inc: Inc, load: Load = { operations: OPERATIONS, inFlight: IN_FLIGHT }): Contender {
  return {
    name,
    run: async () => {
      await pipelined(inc, load)
      return load.operations
    },
  }
}

/** So many operations at once, each on the next key. */
async function pipelined(inc: Inc, { operations, inFlight }: Load): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < operations) {
      const operation = next++
      await inc(operation % KEYS, Math.floor(operation / KEYS))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
}

function keyName(key: number): string {
  return `key-${key}`
}
