import type { EntityKey } from 'eventsourced'

/** The key of an entity's newest snapshot. */
export function newestKey({ typeName, id }: EntityKey): string {
  return `${typeName}.${id}`
}

/** The key of an older snapshot of an entity. */
export function olderKey(key: EntityKey, seqNo: number): string {
  return `${newestKey(key)}.${seqNo}`
}

/** The keys of all older snapshots of an entity. */
export function olderKeys(key: EntityKey): string {
  return `${newestKey(key)}.*`
}

/** The keys of the newest snapshots of a type's entities. */
export function newestKeys(typeName: string): string {
  return `${typeName}.*`
}

/** The id of the entity whose newest snapshot stands under a key. */
export function idAt(key: string): string {
  return key.slice(key.indexOf('.') + 1)
}
