import { randomUUID } from 'node:crypto'
import { Entity, sliceOf } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { NatsEvtLog } from 'eventsourced-nats'
import type { NatsConnection } from 'nats'
import type { Contender } from '../measure.js'
import { ENTITIES } from './appends.js'

const EVTS = 20
/** How many recover at once. */
const AT_ONCE = 32

/** How the events of entities lie in the stream: each entity's one behind the other, or scattered over all of it. */
export type Layout = 'together' | 'scattered'

/** Recovering cold entities, as `Entity.spawn` does it and with an ordered consumer for each. */
export async function recovering(
  connection: NatsConnection,
  stream: string,
  layout: Layout,
): Promise<readonly [Contender, Contender]> {
  const ids = Array.from({ length: ENTITIES }, () => randomUUID())
  await store(connection, stream, ids, layout)
  return [
    {
      name: 'Entity.spawn',
      run: async () => {
        // A log of its own has no memory of what it has stored.
        const evtLog = await NatsEvtLog.create({ connection, stream })
        await forEach(ids, async (id) => {
          const ref = await Entity.spawn(id, counter, { evtLog, binarizer: counterBinarizer })
          await ref.stop()
        })
        await evtLog.close()
        return ids.length
      },
    },
    {
      name: 'an ordered consumer each',
      run: async () => {
        const js = connection.jetstream()
        await forEach(ids, async (id) => {
          const filterSubjects = `${stream}.counter.${sliceOf(id)}.${id}`
          const consumer = await js.consumers.get(stream, { filterSubjects })
          const msgs = await consumer.fetch({ max_messages: EVTS, expires: 10_000 })
          let count = 0
          for await (const _ of msgs) count++
          if (count !== EVTS) throw new Error(`${count} events came instead of ${EVTS}`)
          await consumer.delete()
        })
        return ids.length
      },
    },
  ]
}

async function store(
  connection: NatsConnection,
  stream: string,
  ids: readonly string[],
  layout: Layout,
): Promise<void> {
  const evtLog = await NatsEvtLog.create({ connection, stream })
  await Promise.all(
    ids.map(async (id) => {
      const ref = await Entity.spawn(id, counter, { evtLog, binarizer: counterBinarizer })
      // What waits in the mailbox is stored as one append.
      const cmds = Array.from({ length: EVTS }, () => () => ref.handleCmd({ type: 'Inc', inc: 1n }))
      if (layout === 'together') await Promise.all(cmds.map((cmd) => cmd()))
      else for (const cmd of cmds) await cmd()
      await ref.stop()
    }),
  )
  await evtLog.close()
}

async function forEach(ids: readonly string[], action: (id: string) => Promise<void>): Promise<void> {
  const rest = ids.values()
  const worker = async () => {
    for (const id of rest) await action(id)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
