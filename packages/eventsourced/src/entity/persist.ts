import {
  ConflictError,
  type EventSourcedError,
  hasCode,
  messageOf,
  UnavailableError,
  UncertainError,
} from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'
import type { Append, LogHead, Persisted } from '../log/evt-log.js'
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

/** Sends an append; while the log is unavailable, the very same again. */
export async function persist<Cmd, Evt, State>(type: EntityType<Cmd, Evt, State>, append: Append): Promise<Stored> {
  try {
    return storedOf(await type.evtLog.persist(append), append)
  } catch (error) {
    return persistAgain(type, append, error)
  }
}

/**
 * What is to be done about an append that failed: while the log is unavailable, the very same append is sent again.
 */
export async function persistAgain<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  append: Append,
  error: unknown,
): Promise<Stored> {
  const failed = classify(error)
  if (failed.kind !== 'unavailable') return failed
  return whileUnavailable(type, append.key, failed, async () => {
    try {
      return storedOf(await type.evtLog.persist(append), append)
    } catch (again) {
      return classify(again)
    }
  })
}

function storedOf(persisted: Persisted, append: Append): Stored {
  checkPersisted(persisted)
  return { kind: 'stored', persisted, appendId: append.appendId }
}

/**
 * Checks that an append has got on: the rest of one that was answered with nothing would be sent for ever.
 *
 * @throws {UncertainError} since a log that breaks its contract may have stored anything
 */
export function checkPersisted({ groups }: Persisted): void {
  if (groups >= 1) return
  throw new UncertainError(
    `the log answered that it has stored ${groups} groups of an append: it must store one at least`,
  )
}

function classify(error: unknown): NotStored {
  if (hasCode(error, 'CONFLICT')) return { kind: 'conflict', error }
  if (hasCode(error, 'REFUSED')) return { kind: 'refused', error }
  if (hasCode(error, 'UNAVAILABLE')) return { kind: 'unavailable', error }
  if (hasCode(error, 'UNCERTAIN')) return { kind: 'uncertain', error }
  // A log that fails in a way of its own has not said that nothing was stored.
  return { kind: 'uncertain', error: new UncertainError(`the log failed: ${messageOf(error)}`, { cause: error }) }
}

/** Whether a refusal has nothing to do with what was to be stored: the log would refuse any part of it alike. */
export function isForAll(error: EventSourcedError): boolean {
  return 'reason' in error && (error.reason === 'closed' || error.reason === 'full' || error.reason === 'forbidden')
}

/**
 * Whether the log has moved on from a head. While the log is unavailable it is asked again.
 *
 * @returns a conflict if it has, or why the head can't be read
 */
export async function compareHead<Cmd, Evt, State>(
  type: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  known: LogHead,
): Promise<NotStored | undefined> {
  const compareOnce = async (): Promise<NotStored | undefined> => {
    try {
      const { seqNo, appendId } = await type.evtLog.head(key)
      if (seqNo === known.seqNo && appendId === known.appendId) return undefined
      return {
        kind: 'conflict',
        error: new ConflictError(`${nameOf(key)} is at event ${seqNo}, not at ${known.seqNo}`),
      }
    } catch (error) {
      if (hasCode(error, 'REFUSED')) return { kind: 'refused', error }
      const message = `the head can't be read: ${messageOf(error)}`
      return { kind: 'unavailable', error: new UnavailableError(message, { cause: error }) }
    }
  }
  const compared = await compareOnce()
  return compared?.kind === 'unavailable' ? whileUnavailable(type, key, compared, compareOnce) : compared
}

/** Tries again while the log is unavailable, the longer apart the more often, up to a time. */
async function whileUnavailable<Cmd, Evt, State, Result extends { readonly kind: string } | undefined>(
  { unavailableTimeout, loggerOf }: EntityType<Cmd, Evt, State>,
  key: EntityKey,
  failed: Result,
  tryAgain: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + unavailableTimeout
  let result = failed
  for (let attempt = 0; result?.kind === 'unavailable' && performance.now() < deadline; attempt++) {
    loggerOf(key)?.warn({ attempt }, 'the log is unavailable: trying again')
    await backOff(UNAVAILABLE, attempt)
    result = await tryAgain()
  }
  return result
}
