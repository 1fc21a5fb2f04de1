import type { OffsetStore } from './offset-store.js'
import { readRegistry } from './registry.js'

/**
 * The position at or below which all registered projections of a type have handled the events of a slice: the lowest offset, 0 if there is
 * none. For authors of stores, whose `position` it is.
 *
 * A projection that is never removed counts for ever, also if it is stopped: what it has not read is kept for it.
 */
export async function lowestPosition(store: OffsetStore, typeName: string, slice: number): Promise<number> {
  const positions: number[] = []
  for (const name of await store.names()) {
    const { versions } = (await readRegistry(store, name)).registry
    for (const { version } of versions.filter((one) => one.typeName === typeName)) {
      const [record] = await store.slices({ name, version }, [slice])
      positions.push(record?.offset.position ?? 0)
    }
  }
  return positions.length === 0 ? 0 : Math.min(...positions)
}
