import { setTimeout as sleep } from 'node:timers/promises'
import { atLeastOnceGrouped, Entity, type EvtLog, type ProjectedEvt, Projection, retry, sliceOf } from 'eventsourced'
import { NatsOffsetStore } from 'eventsourced-nats'
import { Counters, hasCounterCode } from 'eventsourced-nats/counters'
import { connect } from 'nats'
import type { NatsServerConfig } from '../config/config.js'
import { connectionOptionsOf, serversOf } from '../config/nats-connection.js'
import { counterBinarizer } from '../counter-binarizer.js'
import { counter, type Evt } from '../counter.js'
import { changeOf } from './change-of.js'
import { type Answered, PATIENCE_MS, type ReadSide, type ReadSideOptions } from './read-side.js'

/** How long the total may take to follow the counters that it is summed up from. */
const FOLLOW_MS = 10_000
const LOOK_MS = 20

/**
 * Starts the projection that keeps the sum over all counters as a distributed counter: it adds each event's change to the counter of the
 * event's slice, and the server sums those up to the total.
 *
 * @param name what the names of the streams and of the bucket begin with
 */
export async function startTotal(
  server: NatsServerConfig,
  name: string,
  { evtLog, logger }: ReadSideOptions,
): Promise<ReadSide> {
  const connection = await connect(connectionOptionsOf(server))
  const changes = await Counters.create(connection, {
    stream: `${name}-changes`,
    subjects: [`${name}-changes.*`],
    logger,
  })
  const total = await Counters.create(connection, {
    stream: `${name}-total`,
    sources: [{ stream: changes.stream, subjects: { [`${name}-changes.*`]: totalOf(name) } }],
    logger,
  })
  const offsetStore = await NatsOffsetStore.create({
    ...serversOf(server),
    bucket: `${name}-projections`,
    setup: true,
    logger,
  })
  const projection = await Projection.start<Evt>({
    name: 'counter-total',
    version: 1,
    typeName: counter.typeName,
    evtLog,
    binarizer: counterBinarizer,
    handler: atLeastOnceGrouped(offsetStore, (evts) => addChanges(changes, evts), { maxEvts: 1_000 }),
    onError: retry({ attempts: Number.POSITIVE_INFINITY }),
    logger,
  })
  return {
    summary: async (counters) => {
      await projection.manage.caughtUp({ deadline: new Date(Date.now() + PATIENCE_MS) })
      const sum = await sumOf(evtLog, counters)
      const value = await followed(total, totalOf(name), sum)
      const whole = (amount: bigint) => amount.toLocaleString('en')
      return [`Total      ${whole(value)} by the distributed counter, ${whole(sum)} by the counters themselves`]
    },
    stop: async () => {
      await projection.stop()
      await offsetStore.close()
      await Promise.all([changes.close(), total.close()])
      await connection.close()
    },
  }
}

function totalOf(name: string): string {
  return `${name}-total.all`
}

/**
 * Adds what events change, each once however often it comes: each slice has a counter of its own, which the events reach one after another, each under
 * its position as the id. So the counter's last id tells what was added before.
 */
async function addChanges(changes: Counters, evts: readonly ProjectedEvt<Evt>[]): Promise<void> {
  const bySlice = new Map<number, ProjectedEvt<Evt>[]>()
  for (const evt of evts) {
    const slice = sliceOf(evt.key.id)
    const ofSlice = bySlice.get(slice)
    if (ofSlice === undefined) bySlice.set(slice, [evt])
    else ofSlice.push(evt)
  }
  await Promise.all(
    [...bySlice].map(async ([slice, ofSlice]) => {
      const subject = `${changes.stream}.${slice}`
      const added = await lastPosition(changes, subject)
      for (const { evt, position } of ofSlice) {
        if (position > added) await changes.add(subject, changeOf(evt), { id: String(position) })
      }
    }),
  )
}

/** The position of the last event that was added; 0 if there is none. */
async function lastPosition(changes: Counters, subject: string): Promise<number> {
  try {
    return Number((await changes.get(subject)).id ?? 0)
  } catch (error) {
    if (hasCounterCode(error, 'NO_COUNTER_FOR_SUBJECT')) return 0
    throw error
  }
}

/** The sum over all counters that there are: earlier runs may have had more of them than this one. */
async function sumOf(evtLog: EvtLog, counters: readonly Answered[]): Promise<bigint> {
  const values = new Map(counters.map(({ id, value }) => [id, value]))
  let sum = 0n
  for await (const id of evtLog.ids(counter.typeName)) sum += values.get(id) ?? (await ask(evtLog, id))
  return sum
}

async function ask(evtLog: EvtLog, id: string): Promise<bigint> {
  const ref = await Entity.spawn(id, counter, { evtLog, binarizer: counterBinarizer })
  const result = await ref.handleCmd({ type: 'Inc', inc: 0n })
  await ref.stop()
  if (!result.ok) throw new Error(`counter ${id} rejected adding nothing: ${result.rejection.type}`)
  return result.reply
}

/** The total's value, once it has followed, or at last what it is by then: another run may be adding to it. */
async function followed(total: Counters, subject: string, expected: bigint): Promise<bigint> {
  const deadline = performance.now() + FOLLOW_MS
  for (;;) {
    const value = await valueOf(total, subject)
    if (value === expected || performance.now() > deadline) return value
    await sleep(LOOK_MS)
  }
}

async function valueOf(counters: Counters, subject: string): Promise<bigint> {
  try {
    return await counters.load(subject)
  } catch (error) {
    if (hasCounterCode(error, 'NO_COUNTER_FOR_SUBJECT')) return 0n
    throw error
  }
}
