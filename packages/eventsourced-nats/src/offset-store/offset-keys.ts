import type { ProjectionKey } from 'eventsourced'

/** A parked event as its key names it. */
export interface ParkedAt {
  readonly slice: number
  readonly position: number
  readonly id: string
}

/** The key of a slice's record. */
export function sliceKey(key: ProjectionKey, slice: number): string {
  return `${slicesOf(key)}.${slice}`
}

/** The keys of all records of a projection. */
export function allSlices(key: ProjectionKey): string {
  return `${slicesOf(key)}.*`
}

/** The key of a parked event. */
export function parkedKey(key: ProjectionKey, { slice, position, id }: ParkedAt): string {
  return `${parkedOf(key)}.${slice}.${position}.${id}`
}

/** The keys of parked events: all those of a projection, or those that have in common what is given. */
export function allParked(key: ProjectionKey, { slice, position, id }: Partial<ParkedAt> = {}): string {
  return `${parkedOf(key)}.${slice ?? '*'}.${position ?? '*'}.${id ?? '*'}`
}

/** What a parked event's key says. */
export function parkedAt(key: string): ParkedAt {
  const [slice, position, id = ''] = key.split('.').slice(-3)
  return { slice: Number(slice), position: Number(position), id }
}

/** The key of an entry. */
export function entryKey(name: string): string {
  return `entries.${name}`
}

/** The keys of all entries. */
export const ALL_ENTRIES = 'entries.*'

/** The name of the entry whose key that is. */
export function entryAt(key: string): string {
  return key.slice(key.indexOf('.') + 1)
}

function slicesOf({ name, version }: ProjectionKey): string {
  return `slices.${name}.${version}`
}

function parkedOf({ name, version }: ProjectionKey): string {
  return `parked.${name}.${version}`
}
