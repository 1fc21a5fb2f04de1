import type { Metadata } from '../domain/event-sourced.js'
import { InvalidInputError } from '../errors.js'
import type { NewEvt } from '../log/evt-log.js'

const PREFIX = 'es-'

/**
 * Borne by the first event after an entity was forgotten: the state before it is the initial one. Without it a replay could not
 * tell events that were forgotten from events that are missing.
 */
const STARTS_ANEW = `${PREFIX}starts-anew`

/** Refuses metadata that would pass for the library's own. @throws {InvalidInputError} */
export function checkNothingReserved(metadata: Metadata): void {
  const reserved = Object.keys(metadata).find((name) => name.startsWith(PREFIX))
  if (reserved !== undefined) throw new InvalidInputError('metadata', reserved, `names that don't begin with ${PREFIX}`)
}

/** Whether the state before an event is the initial one, whatever its seqNo. */
export function startsAnew({ metadata }: { readonly metadata: Metadata }): boolean {
  return STARTS_ANEW in metadata
}

/** The same groups, their first event marked as the one with which the entity begins anew. */
export function markStartingAnew(groups: readonly (readonly NewEvt[])[]): readonly (readonly NewEvt[])[] {
  return groups.map((group, groupIndex) =>
    group.map((evt, index) =>
      groupIndex + index === 0 ? { ...evt, metadata: { ...evt.metadata, [STARTS_ANEW]: 'true' } } : evt,
    ),
  )
}
