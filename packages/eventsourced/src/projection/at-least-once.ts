import type { Batch, BatchBounds, Delivery, ForgottenEntity, HandlerContext, ProjectedEvt } from './delivery.js'
import { checkOnForgotten } from './options.js'
import type { OffsetStore } from './offset-store.js'

/** What else an at-least-once handler does. */
export interface AtLeastOnceOptions {
  /** Called for each entity that was forgotten, in its place among the entity's events: what is kept of it elsewhere is to go. It may come again. */
  readonly onForgotten?: (entity: ForgottenEntity, context: HandlerContext) => unknown
}

/**
 * Calls a handler for each event and moves the offset afterwards, a batch at a time. After a crash, a failure of the store or a change of
 * owner the events that were in flight come again: the handler must be able to take an event twice.
 *
 * @param offsetStore stays the caller's to close
 * @example
 * handler: atLeastOnce(offsetStore, async ({ evt, key }) => { await search.index(key.id, evt) }, {
 *   onForgotten: ({ key }) => search.remove(key.id),
 * })
 */
export function atLeastOnce<Evt>(
  offsetStore: OffsetStore,
  handler: (evt: ProjectedEvt<Evt>, context: HandlerContext) => unknown,
  options: AtLeastOnceOptions = {},
): Delivery<Evt> {
  return delivery(offsetStore, options, (batch) => batch.each(handler))
}

/**
 * As {@link atLeastOnce}, with whole batches for the handler. A batch that fails is tried in ever smaller parts, until the event is found that
 * can't be handled: the handler must be able to take the events before it again.
 *
 * @example
 * handler: atLeastOnceGrouped(offsetStore, async (evts) => { await warehouse.insert(evts) }, { maxEvts: 1_000, maxWaitMs: 200 })
 */
export function atLeastOnceGrouped<Evt>(
  offsetStore: OffsetStore,
  handler: (evts: readonly ProjectedEvt<Evt>[], context: HandlerContext) => unknown,
  options: BatchBounds & AtLeastOnceOptions = {},
): Delivery<Evt> {
  return delivery(offsetStore, options, (batch) => batch.whole(handler))
}

function delivery<Evt>(
  offsetStore: OffsetStore,
  { onForgotten, ...bounds }: BatchBounds & AtLeastOnceOptions,
  handle: (batch: Batch<Evt>) => Promise<void>,
): Delivery<Evt> {
  checkOnForgotten(onForgotten)
  return {
    rollsBack: false,
    bounds,
    open: async () => offsetStore,
    deliver: async (batch) => {
      await handle(batch)
      if (onForgotten !== undefined) await batch.forget(onForgotten)
      return offsetStore.commit(batch.projection, batch.moves())
    },
    close: async () => {},
  }
}
