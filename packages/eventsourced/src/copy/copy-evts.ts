import { InvalidInputError } from '../errors.js'
import { checkTypeName } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import { copyRun } from './copy-run.js'
import { InFlight } from './in-flight.js'
import { patient } from './patient-log.js'
import { bytesOf, runs } from './runs.js'
import { Targets } from './targets.js'

/** What to copy, and how. */
export interface CopyEvtsOptions {
  readonly typeName: string
  /**
   * How many appends are under way at once, each of another entity; 256 by default. They are begun in the order of the events' positions. So
   * events of different entities change places only where the log copied to lets a later append pass an earlier one, as when it has to try that
   * again; with 1 they never do.
   */
  readonly concurrency?: number
  /**
   * How long a call is made again, or a read that brings nothing is taken up again, while one of the logs is unavailable or its answers are lost;
   * 60,000 ms by default.
   */
  readonly unavailableTimeoutMs?: number
  /** Told now and then, and at the end. */
  readonly onProgress?: (progress: CopyProgress) => void
  /** Ends the copying: no further append is begun, and once those under way are answered it throws the signal's reason. */
  readonly signal?: AbortSignal
}

/** How far copying has come. */
export interface CopyProgress {
  /** How many events were stored by this call. */
  readonly copied: number
  /** How many were there already, and are the same. */
  readonly present: number
  /** Up to which position events were read from the log copied from. */
  readonly position: number
}

const FIELDS = ['typeName', 'concurrency', 'unavailableTimeoutMs', 'onProgress', 'signal']
const EVTS_PER_REPORT = 1_000
const MAX_BYTES_IN_FLIGHT = 32 * 1_048_576

/**
 * Copies the events of a type from one log to another, between backends or within one: to import, to restore, to move from PostgreSQL to
 * JetStream and back. Copied are seqNo, appendId, type, version, bytes and metadata, in the order of position; so snapshots and the
 * memory of command ids hold on the copy. The position is the other log's own, and so is the time, which is when the copy was stored.
 *
 * It may be called again at any time, whatever ended the last call: each entity goes on where it stands there. What is there already is compared
 * with what should be, so that one more call at the end proves the copy. Nobody else should write to these entities in `to` meanwhile; if
 * somebody does, no event is lost or overwritten, and the call fails. Events that come into `from` meanwhile are copied by the next call.
 *
 * Where an entity's first events are deleted in `from`, so many marks (see `isForgotten`) take their numbers, and are deleted in turn: its
 * numbers go on as they were. It can be recovered there from a snapshot only, as it can here. An entity without events is not copied.
 * Nothing is deleted in `to` that was copied before and is deleted in `from` since.
 *
 * Memory is bounded, however many events and entities there are.
 *
 * @throws {CopyDiffersError} what is there already is not a copy: names the entity, the seqNo and the difference
 * @throws {InvalidInputError} an option is wrong
 * @throws {EventSourcedError} what the logs throw: refused; unavailable or uncertain, if they stay so
 * @example
 * await copyEvts(postgresEvtLog, natsEvtLog, { typeName: 'account' })
 */
export async function copyEvts(from: EvtLog, to: EvtLog, options: CopyEvtsOptions): Promise<CopyProgress> {
  const { typeName, concurrency, onProgress, ...patience } = checked(options)
  const { signal } = patience
  const [source, target] = [patient(from, patience), patient(to, patience)]
  const progress = { copied: 0, present: 0, position: 0 }
  const inFlight = new InFlight({ count: concurrency, bytes: MAX_BYTES_IN_FLIGHT })
  const targets = new Targets(source, target)
  let reportAt = EVTS_PER_REPORT
  try {
    for await (const run of runs(source.evtsByType(typeName, signal === undefined ? {} : { signal }))) {
      const { key } = run[0]
      await inFlight.begin(key.id, bytesOf(run), async () => {
        signal?.throwIfAborted()
        const copied = await copyRun({ to: target, targets, signal }, run)
        progress.copied += copied
        progress.present += run.length - copied
      })
      progress.position = run.at(-1)?.position ?? progress.position
      if (progress.copied + progress.present >= reportAt) {
        reportAt += EVTS_PER_REPORT
        onProgress?.({ ...progress })
      }
    }
  } finally {
    await inFlight.ended()
  }
  signal?.throwIfAborted()
  inFlight.throwIfFailed()
  onProgress?.({ ...progress })
  return progress
}

function checked(options: CopyEvtsOptions) {
  for (const field of Object.keys(options)) {
    if (!FIELDS.includes(field))
      throw new InvalidInputError('options', field, `no other fields than ${FIELDS.join(', ')}`)
  }
  const { concurrency = 256, unavailableTimeoutMs = 60_000, onProgress, signal } = options
  const typeName = checkTypeName(options.typeName)
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new InvalidInputError('concurrency', concurrency, 'a whole number, 1 or more')
  }
  if (!(unavailableTimeoutMs >= 0)) {
    throw new InvalidInputError('unavailableTimeoutMs', unavailableTimeoutMs, 'milliseconds, 0 or more')
  }
  return { typeName, concurrency, unavailableTimeoutMs, onProgress, signal }
}
