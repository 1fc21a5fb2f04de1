// A program that runs a projection until its input ends, for tests that kill it, pause it, or restart what it runs on:
// node projecting.test.fixture.js <options as JSON>. It prints a line once it takes part.

import { setTimeout as sleep } from 'node:timers/promises'
import { atLeastOnce, hasCode, Projection, retry, type RunningProjection } from 'eventsourced'
import { connect } from 'nats'
import { pino } from 'pino'
import { NatsEvtLog, NatsOffsetStore } from '../index.js'

/** What a process is told. */
export interface ProjectingOptions {
  readonly servers: string
  /** Where the events are. */
  readonly stream: string
  /** Where the offsets are. */
  readonly bucket: string
  /** The read model: a stream that gets a message for each event that is applied. */
  readonly applied: string
  readonly leaseTtlMs: number
  /** Its name in the read model. */
  readonly owner: string
}

/** Asks again until the server is there. */
async function whenThere<Result>(open: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      await sleep(20)
    }
  }
}

async function start(
  options: ProjectingOptions,
  evtLog: NatsEvtLog,
  store: NatsOffsetStore,
): Promise<RunningProjection> {
  const { servers, applied, owner } = options
  const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  const js = connection.jetstream({ timeout: 1_000 })
  return Projection.start({
    name: 'applied',
    typeName: 'counter',
    evtLog,
    binarizer: { decodeEvt: ({ bytes }) => Buffer.from(bytes).toString() },
    handler: atLeastOnce(store, async ({ key, seqNo }) => {
      await js.publish(applied, JSON.stringify({ id: key.id, seqNo, owner }))
    }),
    onError: retry({ min: 10, max: 200, attempts: Infinity }),
    logger: pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })),
  })
}

function isOptions(value: unknown): value is ProjectingOptions {
  return typeof value === 'object' && value !== null && 'servers' in value && 'owner' in value
}

async function main(): Promise<void> {
  const options: unknown = JSON.parse(process.argv[2] ?? '')
  if (!isOptions(options)) throw new Error(`no options: ${process.argv[2]}`)
  const over = new Promise((resolve) => process.stdin.once('end', resolve).resume())
  const { servers, stream, bucket, leaseTtlMs } = options
  const evtLog = await whenThere(() => NatsEvtLog.create({ servers, stream }))
  const store = await whenThere(() => NatsOffsetStore.create({ servers, bucket, leaseTtlMs, replyTimeout: 1_000 }))
  const running = await whenThere(() => start(options, evtLog, store))
  process.stdout.write('started\n')
  await over
  await running.stop()
  await store.close()
  await evtLog.close()
  process.exit()
}

await main()
