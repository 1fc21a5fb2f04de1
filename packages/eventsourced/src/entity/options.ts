import type { Logger } from 'pino'
import type { Binarizer } from '../binarizer/binarizer.js'
import { checkStateVersion } from '../binarizer/evt-versions.js'
import { deepFreeze } from '../domain/deep-freeze.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { InvalidInputError } from '../errors.js'
import { Incarnation } from '../log/append-id.js'
import { checkTypeName, type EntityKey } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import { checkFields, checkPart } from './check-fields.js'
import { entityLoggers } from './entity-loggers.js'
import { NoopSnapshotStore } from '../snapshot/noop-snapshot-store.js'
import { Telemetry } from './telemetry.js'
import { checkedRetention, type Retention } from './retention.js'
import { Turns } from './turns.js'
import type { SnapshotStore } from '../snapshot/snapshot-store.js'

/** How an entity comes back after an append of which nobody knows whether it is stored. */
export interface Supervision {
  /** How long to wait before the first attempt to recover, in milliseconds; twice as long each further time. 100 by default. */
  readonly start?: number
  /** The longest wait, in milliseconds; 10,000 by default. */
  readonly max?: number
  /**
   * How many attempts in a row may fail before the entity fails for good; 10 by default. Each time that an entity has to be brought back it has all of
   * them, at least one: an attempt that succeeds is not held against it, however often that happens. (Akka's restart limit counts those, too.)
   */
  readonly attempts?: number
  /**
   * How long an entity must be well, in milliseconds, for its next wait to be `start` again; 60,000 by default. One that has to be brought back
   * sooner goes on with the waits where it left off, as Akka's does.
   */
  readonly reset?: number
  /**
   * What commands meet that wait, or come, while the entity recovers: they are kept (the default), or fail with `RECOVERING`. Then nothing of
   * them is stored; those of which something may be, fail with `UNCERTAIN` either way.
   */
  readonly waiting?: 'keep' | 'fail'
}

/** What an entity runs on. */
export interface EntityOptions<Evt, State> {
  readonly evtLog: EvtLog
  /** Where snapshots go when the domain type asks for them; nowhere by default. */
  readonly snapshotStore?: SnapshotStore
  readonly binarizer: Binarizer<Evt, State>
  /** Silent by default. What it logs about an entity is logged by a child that bears its `typeName` and `id`. */
  readonly logger?: Logger
  /** How many commands are taken at once, and so stored together; with `mailboxFull: 'fail'` also how many may wait. 1,024 by default. */
  readonly mailboxSize?: number
  /** What a caller meets when so many wait already: it waits for its turn, too (the default), or fails at once with `MAILBOX_FULL`. */
  readonly mailboxFull?: 'wait' | 'fail'
  /** How often a command is handled again because another writer was first, before it fails with `CONFLICT`; 20 by default. */
  readonly conflictAttempts?: number
  /** How long an append is tried again while the log is unavailable, in milliseconds, before its commands fail with `UNAVAILABLE`; 30,000 by default. */
  readonly unavailableTimeout?: number
  /** How many of the last commands with an id are remembered, 100 by default. */
  readonly cmdWindow?: number
  readonly supervision?: Supervision
  readonly retention?: Retention
}

/** A domain type and all that its entities share. */
export interface EntityType<Cmd, Evt, State> {
  readonly domain: EventSourced<Cmd, Evt, State>
  readonly evtLog: EvtLog
  readonly snapshotStore: SnapshotStore
  readonly binarizer: Binarizer<Evt, State>
  /** The logger of an entity, if there is one. */
  readonly loggerOf: (key: EntityKey) => Logger | undefined
  readonly mailboxSize: number
  readonly mailboxFull: 'wait' | 'fail'
  readonly conflictAttempts: number
  readonly unavailableTimeout: number
  readonly cmdWindow: number
  readonly supervision: Required<Supervision>
  readonly retention: Required<Retention>
  /** As whom this process appends. */
  readonly writer: Incarnation
  readonly telemetry: Telemetry
  /** The turns in which its entities recover. */
  readonly recoveries: Turns
}

const FIELDS: readonly (keyof EntityOptions<unknown, unknown>)[] = [
  'evtLog',
  'snapshotStore',
  'binarizer',
  'logger',
  'mailboxSize',
  'mailboxFull',
  'conflictAttempts',
  'unavailableTimeout',
  'cmdWindow',
  'supervision',
  'retention',
]

const BINARIZER_METHODS: readonly (keyof Binarizer<unknown, unknown>)[] = [
  'encodeEvt',
  'decodeEvt',
  'encodeState',
  'decodeState',
  'encodeReply',
  'decodeReply',
]

/**
 * Checks a domain type and its options, and fills in the defaults.
 *
 * @param besides fields that are somebody else's to check
 * @throws {InvalidInputError}
 */
export function entityType<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  options: EntityOptions<Evt, State>,
  besides: readonly string[] = [],
): EntityType<Cmd, Evt, State> {
  checkPart('domain', domain, ['handleCmd', 'handleEvt'])
  checkTypeName(domain.typeName)
  // All entities start from this very object: an event handler that changes it would change all of them.
  deepFreeze(domain.initialState)
  checkFields('options', options, [...FIELDS, ...besides])
  checkPart('options.evtLog', options.evtLog, ['persist', 'head', 'evtsById'])
  checkPart('options.binarizer', options.binarizer, BINARIZER_METHODS)
  checkStateVersion(options.binarizer.stateVersion)
  const {
    evtLog,
    snapshotStore = new NoopSnapshotStore(),
    binarizer,
    logger,
    mailboxSize = 1_024,
    mailboxFull = 'wait',
    conflictAttempts = 20,
    unavailableTimeout = 30_000,
    cmdWindow = 100,
  } = options
  checkPart('options.snapshotStore', snapshotStore, ['save', 'load', 'delete'])
  if (logger !== undefined) checkPart('options.logger', logger, ['child'])
  checkWhole('mailboxSize', mailboxSize, 1)
  checkOneOf('mailboxFull', mailboxFull, ['wait', 'fail'])
  checkWhole('conflictAttempts', conflictAttempts, 1)
  checkWhole('unavailableTimeout', unavailableTimeout, 0)
  checkWhole('cmdWindow', cmdWindow, 0)
  return {
    domain,
    evtLog,
    snapshotStore,
    binarizer,
    loggerOf: entityLoggers(logger),
    mailboxSize,
    mailboxFull,
    conflictAttempts,
    unavailableTimeout,
    cmdWindow,
    supervision: checkedSupervision(options.supervision),
    retention: checkedRetention(options.retention, { evtLog, snapshotStore }),
    writer: new Incarnation(),
    telemetry: new Telemetry(domain.typeName),
    recoveries: new Turns(Infinity),
  }
}

function checkedSupervision(supervision: Supervision = {}): Required<Supervision> {
  checkFields('supervision', supervision, ['start', 'max', 'attempts', 'reset', 'waiting'])
  const { start = 100, max = 10_000, attempts = 10, reset = 60_000, waiting = 'keep' } = supervision
  checkWhole('supervision.start', start, 0)
  checkWhole('supervision.max', max, start)
  checkWhole('supervision.attempts', attempts, 1)
  checkWhole('supervision.reset', reset, 0)
  checkOneOf('supervision.waiting', waiting, ['keep', 'fail'])
  return { start, max, attempts, reset, waiting }
}

function checkOneOf(field: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new InvalidInputError(field, value, allowed.map((one) => `'${one}'`).join(' or '))
}

function checkWhole(field: string, value: number, atLeast: number): void {
  if (!Number.isSafeInteger(value) || value < atLeast) {
    throw new InvalidInputError(field, value, `a whole number, ${atLeast} or more`)
  }
}
