import { NatsEvtLog } from 'eventsourced-nats'
import { startNatsServer } from 'eventsourced-tools'
import { connect, type NatsConnection } from 'nats'
import { measure, ratio } from '../measure.js'
import { type Figure, printMeasured, report } from '../report.js'
import { persisting } from './appends.js'
import { barePublishing, jsPublishing } from './publishes.js'
import { AT_ONCE, type Layout, recovering } from './recovery.js'

/** The figures that the issue about JetStream asks for: one run, file storage, 1,000 entities with one append in flight each. */
export async function benchmarkJetStream(): Promise<void> {
  const figures: Figure[] = [
    ...(await withServer(false, atDefaultSync)),
    ...(await withServer(true, whenSyncedAlways)),
    ...(await withServer(false, (setting) => recovery(setting, 'together'))),
    ...(await withServer(false, (setting) => recovery(setting, 'scattered'))),
  ]
  await report('jetstream', figures)
}

/** What a measurement works with: a server of its own, and what others than the log connect to it by. */
interface Setting {
  readonly evtLog: NatsEvtLog
  readonly connection: NatsConnection
  readonly stream: string
}

async function withServer(syncAlways: boolean, action: (setting: Setting) => Promise<Figure[]>): Promise<Figure[]> {
  const server = await startNatsServer({ syncAlways })
  const connection = await connect({ servers: server.url })
  const stream = 'bench'
  const evtLog = await NatsEvtLog.create({ servers: server.url, stream, setup: true })
  const figures = await action({ evtLog, connection, stream })
  await evtLog.close()
  await connection.close()
  await server.stop()
  return figures
}

async function atDefaultSync({ evtLog, connection, stream }: Setting): Promise<Figure[]> {
  const measured = await measure([
    persisting(evtLog, { name: 'EvtLog.persist', appends: 60, evts: 1 }),
    jsPublishing(connection, stream, 20),
    barePublishing(connection, stream, 60),
    persisting(evtLog, { name: 'EvtLog.persist of two events', appends: 5, evts: 2 }),
  ])
  printMeasured('default sync', measured)
  const [persist, jsPublish, bare, two] = measured
  return [
    { what: 'default sync: persist / js.publish', value: ratio(persist, jsPublish), target: '>= 3' },
    { what: 'default sync: persist / bare publish loop', value: ratio(persist, bare), target: '>= 0.8' },
    { what: 'default sync: two-event commands/s', value: two?.median ?? Number.NaN, target: '>= 10,000' },
  ]
}

async function whenSyncedAlways({ evtLog, connection, stream }: Setting): Promise<Figure[]> {
  const measured = await measure([
    persisting(evtLog, { name: 'EvtLog.persist', appends: 60, evts: 1 }),
    jsPublishing(connection, stream, 4),
    persisting(evtLog, { name: 'EvtLog.persist of two events', appends: 5, evts: 2 }),
  ])
  printMeasured('sync_interval: always', measured)
  const [persist, jsPublish, two] = measured
  return [
    { what: 'sync_interval always: persist / js.publish', value: ratio(persist, jsPublish), target: '>= 10' },
    { what: 'sync_interval always: two-event commands/s', value: two?.median ?? Number.NaN, target: '>= 10,000' },
  ]
}

async function recovery({ connection, stream }: Setting, layout: Layout): Promise<Figure[]> {
  const measured = await measure([...(await recovering(connection, stream, layout))])
  printMeasured(`recovering 1,000 cold entities with 20 events each, which lie ${layout}, ${AT_ONCE} at once`, measured)
  const [spawn, consumer] = measured
  const what = `recovery, events ${layout}: Entity.spawn / an ordered consumer each`
  return [{ what, value: ratio(spawn, consumer), target: '>= 5' }]
}
