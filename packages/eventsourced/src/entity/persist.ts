import { type EventSourcedError, hasCode, messageOf, UnavailableError, UncertainError } from '../errors.js'
import type { EntityKey } from '../log/entity-key.js'
import type { Append, Head, LogHead, NewEvt, Persisted } from '../log/evt-log.js'
import { type BackOff, backOff } from './back-off.js'
import type { EntityType } from './options.js'

/** How an append ended. Each calls for something else, so each is a value that the compiler asks for. */
export type Stored = { readonly kind: 'stored'; readonly persisted: Persisted; readonly appendId: string } | NotStored

/** Why an append is not known to be stored. */
export type NotStored =
  | { readonly kind: 'conflict'; readonly error: EventSourcedError }
  | { readonly kind: 'refused'; readonly error: EventSourcedError }
  | { readonly kind: 'unavailable'; readonly error: EventSourcedError }
  | { readonly kind: 'uncertain'; readonly error: EventSourcedError }

const UNAVAILABLE: BackOff = { start: 20, max: 2_000 }

/**
 * Sends groups of events to the log as one append, fenced by the head that they were decided on. While the log is unavailable the very
 * same append is sent again.
 */
export async function persist<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  expected: Head,
  groups: readonly (readonly NewEvt[])[],
): Promise<Stored> {
  const append: Append = { key, expected, appendId: type.nextAppendId(), groups }
  return whileUnavailable(type, key, () => persistOnce(type, append))
}

async function persistOnce<Cmd, Evt, State>(type: EntityType<Cmd, Evt, State>, append: Append): Promise<Stored> {
  try {
    const persisted = await type.evtLog.persist(append)
    return { kind: 'stored', persisted, appendId: append.appendId }
  } catch (error) {
    if (hasCode(error, 'CONFLICT')) return { kind: 'conflict', error }
    if (hasCode(error, 'REFUSED')) return { kind: 'refused', error }
    if (hasCode(error, 'UNAVAILABLE')) return { kind: 'unavailable', error }
    if (hasCode(error, 'UNCERTAIN')) return { kind: 'uncertain', error }
    // A log that fails in a way of its own has not said that nothing was stored.
    const uncertain = new UncertainError(`the log failed: ${messageOf(error)}`, { cause: error })
    return { kind: 'uncertain', error: uncertain }
  }
}

/** The log's head of an entity. While the log is unavailable it is read again. */
export function readHead<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
): Promise<LogHead | NotStored> {
  return whileUnavailable(type, key, async () => {
    try {
      return await type.evtLog.head(key)
    } catch (error) {
      if (hasCode(error, 'REFUSED')) return { kind: 'refused', error }
      return {
        kind: 'unavailable',
        error: new UnavailableError(`the head can't be read: ${messageOf(error)}`, { cause: error }),
      }
    }
  })
}

async function whileUnavailable<Cmd, Evt, State, Result extends object>(
  { unavailableTimeout, logger }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  attemptOnce: () => Promise<Result | NotStored>,
): Promise<Result | NotStored> {
  const deadline = Date.now() + unavailableTimeout
  for (let attempt = 0; ; attempt++) {
    const result = await attemptOnce()
    if (!('kind' in result && result.kind === 'unavailable') || Date.now() >= deadline) return result
    logger?.warn({ ...key, attempt }, 'the log is unavailable: trying again')
    await backOff(UNAVAILABLE, attempt)
  }
}
