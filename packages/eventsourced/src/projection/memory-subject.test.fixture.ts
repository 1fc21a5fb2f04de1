import { MemoryLeaseStore } from '../lease/memory-lease-store.js'
import { sliceOf } from '../log/slice.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import type { Applied, BeforeApplying, Noted, ProjectionSubject } from '../testing/projection-scenario/subject.js'
import { atLeastOnce } from './at-least-once.js'
import type { Delivery } from './delivery.js'
import { MemoryOffsetStore } from './memory-offset-store.js'

/** How a delivery of the tests is made. */
export type Deliver = (store: MemoryOffsetStore, before: BeforeApplying, applied: Applied[]) => Delivery<Noted>

/** A subject for scenarios of projections, in memory: each process has a log and a store of its own over the same data. */
export function memoryProjectionSubject(exactlyOnce: boolean, deliver: Deliver): () => Promise<ProjectionSubject> {
  return async () => {
    const log = new MemoryEvtLog()
    const store = new MemoryOffsetStore({ leases: new MemoryLeaseStore({ ttlMs: 500 }) })
    const applied: Applied[] = []
    return {
      exactlyOnce,
      open: async () => ({
        evtLog: new MemoryEvtLog({ storageOf: log }),
        deliver: (before) => deliver(new MemoryOffsetStore({ storageOf: store }), before, applied),
      }),
      applied: async () => applied,
      close: async () => {},
    }
  }
}

export const deliverAtLeastOnce: Deliver = (store, before, applied) =>
  atLeastOnce(store, async (evt, context) => {
    await before(evt, context)
    applied.push({ id: evt.key.id, seqNo: evt.seqNo })
  })

/** As a transaction would: what a slice's events do comes with its move, or not at all. */
export const deliverExactlyOnce: Deliver = (store, before, applied) => ({
  rollsBack: true,
  bounds: {},
  open: async () => store,
  deliver: async (batch) => {
    const staged: Applied[] = []
    await batch.each(async (evt, context) => {
      await before(evt, context)
      staged.push({ id: evt.key.id, seqNo: evt.seqNo })
    })
    batch.signal.throwIfAborted()
    const committed = await store.commit(batch.projection, batch.moves())
    applied.push(...staged.filter(({ id }) => committed.moved.has(sliceOf(id))))
    return committed
  },
  close: async () => {},
})
