import { randomUUID } from 'node:crypto'
import { appendIds, type EntityKey, entityKey, type EvtLog, type Head, sliceOf } from 'eventsourced'
import { counterBinarizer } from 'eventsourced-counter'

/** How many events an append holds. */
const GROUP = 50

/** Where the last event of an entity stands. */
export interface Last {
  readonly key: EntityKey
  readonly position: number
}

interface Entity {
  readonly key: EntityKey
  head: Head
  readonly nextAppendId: () => string
}

/** Stores events of many entities, in turns. @returns the last event of each slice */
export async function storeEvts(
  evtLog: EvtLog,
  count: number,
  typeName = 'counter',
): Promise<{ readonly typeName: string; readonly lasts: readonly Last[] }> {
  const evt = { ...counterBinarizer.encodeEvt({ type: 'Increased', oldValue: 41n, inc: 1n }), metadata: {} }
  const group = Array.from({ length: GROUP }, () => evt)
  const newEntity = (): Entity => ({
    key: entityKey(typeName, randomUUID()),
    head: { seqNo: 0, position: 0 },
    nextAppendId: appendIds(),
  })
  const entities = Array.from({ length: count / 100 }, newEntity)
  for (let stored = 0; stored < count; stored += entities.length * GROUP) {
    await Promise.all(
      entities.map(async (entity) => {
        const { key, head: expected, nextAppendId } = entity
        const append = { key, expected, appendId: nextAppendId(), groups: [group] }
        entity.head = (await evtLog.persist(append)).head
      }),
    )
  }
  const lastOfSlice = new Map<number, Last>()
  for (const { key, head } of entities) {
    const slice = sliceOf(key.id)
    if (head.position > (lastOfSlice.get(slice)?.position ?? 0))
      lastOfSlice.set(slice, { key, position: head.position })
  }
  return { typeName, lasts: [...lastOfSlice.values()] }
}
