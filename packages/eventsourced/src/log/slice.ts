/** Into how many slices the entities of a type are spread, on every backend and for ever. */
export const SLICE_COUNT = 64

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** The slice of an entity: FNV-1a (32 bits) of its lower-case id, modulo {@link SLICE_COUNT}. */
export function sliceOf(id: string): number {
  let hash = FNV_OFFSET
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), FNV_PRIME)
  }
  return (hash >>> 0) % SLICE_COUNT
}
