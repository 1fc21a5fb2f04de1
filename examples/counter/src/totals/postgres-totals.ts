import { Projection, retry } from 'eventsourced'
import { exactlyOnceGrouped } from 'eventsourced-postgres'
import type { Pool } from 'pg'
import { counterBinarizer } from '../counter-binarizer.js'
import { counter, type Evt } from '../counter.js'
import { valueAfter } from '../runner/plan.js'
import { applyEvts, createCounterValues, forgetCounter, lineOf, readTotals, readValues } from './counter-values.js'
import { type Answered, PATIENCE_MS, type ReadSide, type ReadSideOptions } from './read-side.js'

/** The projection that keeps the read model. */
export const TOTALS = { name: 'counter-totals', version: 1 }

/** Starts the projection that keeps a row for each counter, each event applied exactly once. The pool stays the caller's. */
export async function startTotals(pool: Pool, { evtLog, logger }: ReadSideOptions): Promise<ReadSide> {
  await createCounterValues(pool)
  const projection = await Projection.start<Evt>({
    ...TOTALS,
    typeName: counter.typeName,
    evtLog,
    binarizer: counterBinarizer,
    handler: exactlyOnceGrouped(pool, (evts, tx) => applyEvts(tx, evts), {
      onForgotten: ({ key }, tx) => forgetCounter(tx, key.id),
      maxEvts: 1_000,
      logger,
    }),
    onError: retry({ attempts: Number.POSITIVE_INFINITY }),
    logger,
  })
  return {
    summary: async (counters) => {
      await projection.manage.caughtUp({ deadline: new Date(Date.now() + PATIENCE_MS) })
      await compare(pool, counters)
      return [
        `Read model ${lineOf(await readTotals(pool))}`,
        '           and it says of each counter what the counter says',
      ]
    },
    stop: () => projection.stop(),
  }
}

/** Since other runs may go on, a counter may have had more events than it has answered with; but what so many events make of it is known. */
async function compare(pool: Pool, counters: readonly Answered[]): Promise<void> {
  const values = await readValues(
    pool,
    counters.map(({ id }) => id),
  )
  for (const { id, seqNo } of counters) {
    const { events, value } = values.get(id) ?? { events: 0, value: 0n }
    if (events < seqNo || value !== valueAfter(events)) {
      throw new Error(`the read model has counter ${id} at ${value} after ${events} events: it has had ${seqNo}`)
    }
  }
}
