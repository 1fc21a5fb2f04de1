import type { Logger } from 'pino'
import type { Binarizer } from '../binarizer/binarizer.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { InvalidInputError } from '../errors.js'
import { appendIds } from '../log/append-id.js'
import { checkTypeName } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import { NoopSnapshotStore } from '../snapshot/noop-snapshot-store.js'
import type { SnapshotStore } from '../snapshot/snapshot-store.js'

/** What an entity runs on. */
export interface EntityOptions<Evt, State> {
  readonly evtLog: EvtLog
  /** Where snapshots go when the domain type asks for them; nowhere by default. */
  readonly snapshotStore?: SnapshotStore
  readonly binarizer: Binarizer<Evt, State>
  /** Silent by default. Gets `typeName` and `id` bound. */
  readonly logger?: Logger
  /** How many commands may wait, and so how many are stored at once; 1,024 by default. */
  readonly mailboxSize?: number
  /** What a caller meets when the mailbox is full: it waits for its turn (the default), or fails at once with `MAILBOX_FULL`. */
  readonly mailboxFull?: 'wait' | 'fail'
  /** How often a command is handled again because another writer was first, before it fails with `CONFLICT`; 20 by default. */
  readonly conflictAttempts?: number
  /** How long an append is tried again while the log is unavailable, in milliseconds, before its commands fail with `UNAVAILABLE`; 30,000 by default. */
  readonly unavailableTimeout?: number
}

/** A domain type and all that its entities share. */
export interface EntityType<Cmd, Evt, State> {
  readonly domain: EventSourced<Cmd, Evt, State>
  readonly evtLog: EvtLog
  readonly snapshotStore: SnapshotStore
  readonly binarizer: Binarizer<Evt, State>
  readonly logger: Logger | undefined
  readonly mailboxSize: number
  readonly mailboxFull: 'wait' | 'fail'
  readonly conflictAttempts: number
  readonly unavailableTimeout: number
  readonly nextAppendId: () => string
}

/** Checks a domain type and its options, and fills in the defaults. @throws {InvalidInputError} */
export function entityType<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  options: EntityOptions<Evt, State>,
): EntityType<Cmd, Evt, State> {
  checkTypeName(domain.typeName)
  const { mailboxSize = 1_024, mailboxFull = 'wait', conflictAttempts = 20, unavailableTimeout = 30_000 } = options
  checkWhole('mailboxSize', mailboxSize, 1)
  checkWhole('conflictAttempts', conflictAttempts, 1)
  checkWhole('unavailableTimeout', unavailableTimeout, 0)
  if (mailboxFull !== 'wait' && mailboxFull !== 'fail') {
    throw new InvalidInputError('mailboxFull', mailboxFull, `'wait' or 'fail'`)
  }
  return {
    domain,
    evtLog: options.evtLog,
    snapshotStore: options.snapshotStore ?? new NoopSnapshotStore(),
    binarizer: options.binarizer,
    logger: options.logger,
    mailboxSize,
    mailboxFull,
    conflictAttempts,
    unavailableTimeout,
    nextAppendId: appendIds(),
  }
}

function checkWhole(field: string, value: number, atLeast: number): void {
  if (!Number.isSafeInteger(value) || value < atLeast) {
    throw new InvalidInputError(field, value, `a whole number, ${atLeast} or more`)
  }
}
