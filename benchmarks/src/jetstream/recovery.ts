import { randomUUID } from 'node:crypto'
import { Entity, type EvtLog } from 'eventsourced'
import { counter, counterBinarizer } from 'eventsourced-counter'
import { NatsEvtLog } from 'eventsourced-nats'
import type { NatsConnection } from 'nats'
import type { Contender } from '../measure.js'
import { ENTITIES } from './appends.js'
import { readingByConsumer } from './consumer-log.js'

const EVTS = 20
/** How many recover at once, as `Entities` has it by default. */
export const AT_ONCE = 128
/** How often all recover in a round. A short round would measure what the collection before it has left to be made anew. */
const PASSES = 3

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
    recoveringFrom('Entity.spawn', () => NatsEvtLog.create({ connection, stream }), ids),
    recoveringFrom(
      'an ordered consumer each',
      async () => readingByConsumer(await NatsEvtLog.create({ connection, stream }), connection, stream),
      ids,
    ),
  ]
}

/** Recovers all, each time from a log of its own, which has no memory of what was stored. */
function recoveringFrom(name: string, open: () => Promise<EvtLog>, ids: readonly string[]): Contender {
  return {
    name,
    run: async () => {
      for (let pass = 0; pass < PASSES; pass++) {
        const evtLog = await open()
        const options = { evtLog, binarizer: counterBinarizer }
        await forEach(ids, async (id) => {
          const ref = await Entity.spawn(id, counter, options)
          await ref.stop()
        })
        await evtLog.close()
      }
      return PASSES * ids.length
    },
  }
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
