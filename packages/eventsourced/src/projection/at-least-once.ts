import type { BatchBounds, Delivery, HandlerContext, ProjectedEvt } from './delivery.js'
import type { OffsetStore } from './offset-store.js'

/**
 * Calls a handler for each event and moves the offset afterwards, a batch at a time. After a crash, a failure of the store or a change of
 * owner the events that were in flight come again: the handler must be able to take an event twice.
 *
 * @param offsetStore stays the caller's to close
 * @example
 * handler: atLeastOnce(offsetStore, async ({ evt, key }) => { await search.index(key.id, evt) })
 */
export function atLeastOnce<Evt>(
  offsetStore: OffsetStore,
  handler: (evt: ProjectedEvt<Evt>, context: HandlerContext) => unknown,
): Delivery<Evt> {
  return delivery(offsetStore, {}, (batch) => batch.each(handler))
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
  bounds: BatchBounds = {},
): Delivery<Evt> {
  return delivery(offsetStore, bounds, (batch) => batch.whole(handler))
}

function delivery<Evt>(
  offsetStore: OffsetStore,
  bounds: BatchBounds,
  handle: (batch: Parameters<Delivery<Evt>['deliver']>[0]) => Promise<void>,
): Delivery<Evt> {
  return {
    rollsBack: false,
    bounds,
    open: async () => offsetStore,
    deliver: async (batch) => {
      await handle(batch)
      return offsetStore.commit(batch.projection, batch.moves)
    },
    close: async () => {},
  }
}
