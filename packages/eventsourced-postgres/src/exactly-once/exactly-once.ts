import type { Batch, BatchBounds, Delivery, ForgottenEntity, HandlerContext, ProjectedEvt } from 'eventsourced'
import { checkOnForgotten, isHandlerError } from 'eventsourced'
import type { Pool } from 'pg'
import { messageOf, readError } from '../errors/read-error.js'
import { PostgresOffsetStore, type PostgresOffsetStoreConfig } from '../offset-store/postgres-offset-store.js'
import { finish, handlerFailed } from './finish.js'
import type { Guarded, Tx } from './guarded-tx.js'
import { countLosses, LOSSES } from './losses.js'
import { inTransaction, type Lost } from './transaction.js'
import { type Watched, watchedTransactions } from './watched-transactions.js'

/** Where `exactlyOnce` keeps its offsets: all settings of the {@link PostgresOffsetStore} but the pool. */
export type ExactlyOnceOptions = Omit<PostgresOffsetStoreConfig, 'pool' | 'connection'> & {
  /** Whether to create the tables of the offsets, or to bring older ones up to date, if need be; on by default. */
  readonly setup?: boolean
  /** Called for each entity that was forgotten, in its place among the entity's events: what the read model has of it is to go, through `tx`. */
  readonly onForgotten?: (entity: ForgottenEntity, tx: Tx, context: HandlerContext) => unknown
}

/**
 * Calls a handler for each event, whose writes through `tx` and the move of the offset are one transaction: each event is applied exactly
 * once, whatever log it comes from, whoever crashes, and however often it is tried. What the handler does elsewhere is not part of that.
 *
 * Takes one connection of the pool at a time for events, and a second one for leases and requests. The pool stays the caller's.
 *
 * @example
 * handler: exactlyOnce(pool, async ({ evt, key }, tx) => {
 *   await tx.query('UPDATE balances SET cents = cents + $2 WHERE id = $1', [key.id, evt.cents])
 * }, { onForgotten: ({ key }, tx) => tx.query('DELETE FROM balances WHERE id = $1', [key.id]) })
 */
export function exactlyOnce<Evt>(
  pool: Pool,
  handler: (evt: ProjectedEvt<Evt>, tx: Tx, context: HandlerContext) => unknown,
  options: ExactlyOnceOptions = {},
): Delivery<Evt> {
  return delivery(pool, options, {}, (batch, call) =>
    batch.each((evt, context) => call((tx) => handler(evt, tx, context))),
  )
}

/**
 * As {@link exactlyOnce}, with whole batches for the handler, which can write them with few statements. A batch that fails is rolled back, and
 * tried in ever smaller parts until the event is found that can't be handled.
 *
 * @example
 * handler: exactlyOnceGrouped(pool, async (evts, tx) => {
 *   await tx.query('INSERT INTO seen SELECT unnest($1::uuid[])', [evts.map(({ key }) => key.id)])
 * }, { maxEvts: 1_000 })
 */
export function exactlyOnceGrouped<Evt>(
  pool: Pool,
  handler: (evts: readonly ProjectedEvt<Evt>[], tx: Tx, context: HandlerContext) => unknown,
  { maxEvts, maxWaitMs, ...options }: ExactlyOnceOptions & BatchBounds = {},
): Delivery<Evt> {
  const bounds = { ...(maxEvts !== undefined && { maxEvts }), ...(maxWaitMs !== undefined && { maxWaitMs }) }
  return delivery(pool, options, bounds, (batch, call) =>
    batch.whole((evts, context) => call((tx) => handler(evts, tx, context))),
  )
}

function delivery<Evt>(
  pool: Pool,
  { onForgotten, ...options }: ExactlyOnceOptions,
  bounds: BatchBounds,
  handle: (batch: Batch<Evt>, call: Guarded['call']) => Promise<void>,
): Delivery<Evt> {
  checkOnForgotten(onForgotten)
  const write = async (batch: Batch<Evt>, call: Guarded['call']) => {
    await handle(batch, call)
    if (onForgotten === undefined) return
    await batch.forget((entity, context) => call((tx) => onForgotten(entity, tx, context)))
  }
  const losses = countLosses()
  const lostTo = (batch: Batch<Evt>, { error, thrown }: Lost): unknown => {
    const index = isHandlerError(thrown) ? thrown.index : undefined
    if (!losses.add(batch, index)) return error
    const message = `its connection was lost ${LOSSES} times in a row, at last by: ${messageOf(error)}`
    return handlerFailed(message, error, index)
  }
  // One store for all starts, which goes with the last of them.
  let opening: Promise<Opened> | undefined
  let starts = 0
  const opened = () => (opening ??= openStore(pool, options))
  return {
    rollsBack: true,
    bounds,
    open: async () => {
      starts += 1
      try {
        return (await opened()).store
      } catch (error) {
        // The next start may find the database back.
        starts -= 1
        opening = undefined
        throw error
      }
    },
    deliver: async (batch) => {
      const { store, watched } = await opened()
      if (losses.mustPart(batch))
        throw handlerFailed('connections were lost to these events: each goes alone', undefined)
      const { signal } = batch
      try {
        const outcome = await inTransaction(
          pool,
          { signal, watched, timeoutMs: store.timeoutMs },
          { write: ({ call }) => write(batch, call), finish: (transaction) => finish(store, batch, transaction) },
        )
        if (outcome.kind === 'lost') throw lostTo(batch, outcome)
        if (outcome.result.fenced.length === 0) losses.clear(batch)
        return outcome.result
      } catch (error) {
        // Also where its time was over, which gives the delivery up.
        if (isHandlerError(error)) throw error
        signal.throwIfAborted()
        throw readError(`delivering events to ${batch.projection.name}`, error)
      }
    },
    close: async () => {
      starts -= 1
      if (starts > 0) return
      const closing = opening
      opening = undefined
      await (await closing)?.store.close()
    },
  }
}

interface Opened {
  readonly store: PostgresOffsetStore
  readonly watched: Watched
}

async function openStore(pool: Pool, options: Omit<PostgresOffsetStoreConfig, 'pool' | 'connection'>): Promise<Opened> {
  const store = await PostgresOffsetStore.create({ setup: true, ...options, pool })
  try {
    // Who has not been heard of for as long as a lease lasts has lost its slices, too.
    return { store, watched: await watchedTransactions(pool, store.leases.ttlMs) }
  } catch (error) {
    await store.close()
    throw readError('opening the offset store', error)
  }
}
