import { atLeastOnceGrouped, type Delivery, type EvtLog, MemoryOffsetStore, Projection } from 'eventsourced'
import { counterBinarizer, type Evt } from 'eventsourced-counter'
import { exactlyOnceGrouped } from 'eventsourced-postgres'
import type { Client, Pool } from 'pg'
import type { Contender } from '../measure.js'
import type { Last } from './evts.js'
import { BATCH, type Line, type ReadModel } from './read-model.js'

const PATIENCE_MS = 300_000

/** What all ways to catch up have in common. */
export interface CatchUp {
  readonly evtLog: EvtLog
  readonly typeName: string
  readonly count: number
  readonly lasts: readonly Last[]
}

/** Runs a projection from the beginning until it has handled the last events. */
export async function project(
  { evtLog, typeName, lasts }: CatchUp,
  name: string,
  handler: Delivery<Evt>,
): Promise<void> {
  const projection = await Projection.start({ name, typeName, evtLog, binarizer: counterBinarizer, handler })
  const deadline = new Date(Date.now() + PATIENCE_MS)
  await Promise.all(lasts.map((last) => projection.reached(last, { deadline })))
  await projection.stop()
}

/** A projection that applies each event exactly once to the read model. */
export function projecting(catchUp: CatchUp, readModel: ReadModel, pool: Pool, client: Client): Contender {
  let rounds = 0
  return {
    name: 'Projection, exactlyOnceGrouped',
    prepare: () => readModel.clear(client),
    run: async () => {
      const handler = exactlyOnceGrouped<Evt>(
        pool,
        (evts, tx) =>
          readModel.write(
            tx,
            evts.map(({ key, seqNo, evt }) => ({ id: key.id, seqNo, inc: incOf(evt) })),
          ),
        { maxEvts: BATCH },
      )
      await project(catchUp, `${readModel.table}-${++rounds}`, handler)
      return counted(readModel, client, catchUp.count)
    },
  }
}

/** The same statements in transactions of their own, with a row for the offset: no framework, no reading, no decoding. */
export function writing(all: readonly Line[], readModel: ReadModel, client: Client): Contender {
  return {
    name: 'the same batched writes, without a framework',
    prepare: async () => {
      await readModel.clear(client)
      await client.query('CREATE TABLE IF NOT EXISTS bare_offset (name text PRIMARY KEY, position bigint NOT NULL)')
    },
    run: async () => {
      for (let at = 0; at < all.length; at += BATCH) await commit(client, readModel, all.slice(at, at + BATCH))
      return counted(readModel, client, all.length)
    },
  }
}

/** What one would write by hand: read the log, decode, and the same transactions. One thing after the other, for one process, without a lease. */
export function byHand(catchUp: CatchUp, readModel: ReadModel, client: Client): Contender {
  return {
    name: 'the same by hand, read from the log',
    prepare: () => readModel.clear(client),
    run: async () => {
      let batch: Line[] = []
      for await (const line of lines(catchUp)) {
        batch.push(line)
        if (batch.length < BATCH) continue
        await commit(client, readModel, batch)
        batch = []
      }
      await commit(client, readModel, batch)
      return counted(readModel, client, catchUp.count)
    },
  }
}

async function commit(client: Client, readModel: ReadModel, batch: readonly Line[]): Promise<void> {
  await client.query('BEGIN')
  await readModel.write(client, batch)
  await client.query({
    name: 'bare_offset',
    text: `INSERT INTO bare_offset VALUES ('bare', $1) ON CONFLICT (name) DO UPDATE SET position = bare_offset.position + $1`,
    values: [batch.length],
  })
  await client.query('COMMIT')
}

/** A projection that does nothing with the events: what is left is reading, decoding, and the runtime. */
export function passing(catchUp: CatchUp): Contender {
  return {
    name: 'Projection that does nothing, all 64 slices',
    run: async () => {
      await project(
        catchUp,
        'nothing',
        atLeastOnceGrouped<Evt>(new MemoryOffsetStore(), () => {}, { maxEvts: BATCH }),
      )
      return catchUp.count
    },
  }
}

/** One reader of the log, and the events decoded. */
export function reading(catchUp: CatchUp): Contender {
  return { name: 'one reader of the log', run: async () => (await readAll(catchUp)).length }
}

/** All lines, as a handler would make them. */
export async function readAll(catchUp: CatchUp): Promise<Line[]> {
  const all: Line[] = []
  for await (const line of lines(catchUp)) all.push(line)
  return all
}

async function* lines({ evtLog, typeName }: CatchUp): AsyncGenerator<Line, void, void> {
  for await (const stored of evtLog.evtsByType(typeName)) {
    yield { id: stored.key.id, seqNo: stored.seqNo, inc: incOf(counterBinarizer.decodeEvt(stored)) }
  }
}

function incOf(evt: Evt): bigint {
  return evt.type === 'Increased' ? evt.inc : -evt.dec
}

/** Sees that each event was applied once. */
export async function counted(readModel: ReadModel, client: Client, count: number): Promise<number> {
  const applied = await readModel.count(client)
  if (applied !== count) throw new Error(`${applied} events were applied instead of ${count}`)
  return count
}
