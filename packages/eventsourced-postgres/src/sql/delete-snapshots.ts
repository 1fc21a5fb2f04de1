import type { Names } from '../names.js'

/** Deletes all snapshots of an entity. */
export function deleteSnapshots({ qualified }: Names): string {
  return `DELETE FROM ${qualified()} WHERE type_name = $1 AND id = $2`
}
