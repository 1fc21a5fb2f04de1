import { Counters } from 'eventsourced-nats/counters'
import { startNatsServer } from 'eventsourced-tools'
import { connect, headers, type NatsConnection, nuid } from 'nats'
import { type Contender, measure, ratio } from '../measure.js'
import { type Figure, printMeasured } from '../report.js'

const COUNTERS = 100
/** How many adds of each counter are on their way at once. */
const AT_ONCE = 10
const ADDS = 50
const EMPTY = new Uint8Array(0)

/** Adds over 100 counters, pipelined, against the package's `js.publish` with the same headers and as many on their way. */
export async function benchmarkDistributed(): Promise<Figure[]> {
  const server = await startNatsServer()
  const connection = await connect({ servers: server.url })
  const counters = await Counters.create(connection, { stream: 'bench', subjects: ['bench.>'] })
  const measured = await measure([adding(counters), jsPublishing(connection)])
  printMeasured(`distributed counters: adds to ${COUNTERS}, ${AT_ONCE} of each on their way`, measured)
  await counters.close()
  await connection.close()
  await server.stop()
  const [add, jsPublish] = measured
  return [{ what: 'distributed: Counters.add / js.publish', value: ratio(add, jsPublish), target: '>= 3' }]
}

function adding(counters: Counters): Contender {
  return pipelined('Counters.add', async (subject) => void (await counters.add(subject, 1n)))
}

function jsPublishing(connection: NatsConnection): Contender {
  const js = connection.jetstream({ timeout: 60_000 })
  return pipelined('js.publish', async (subject) => {
    const fields = headers()
    fields.set('Nats-Incr', '1')
    fields.set('Nats-Msg-Id', nuid.next())
    await js.publish(subject, EMPTY, { headers: fields })
  })
}

function pipelined(name: string, add: (subject: string) => Promise<void>): Contender {
  const run = async () => {
    const one = async (index: number) => {
      for (let count = 0; count < ADDS; count++) await add(`bench.counter.${index % COUNTERS}`)
    }
    await Promise.all(Array.from({ length: COUNTERS * AT_ONCE }, (_, index) => one(index)))
    return COUNTERS * AT_ONCE * ADDS
  }
  return { name, run }
}
