import { InvalidInputError } from 'eventsourced'
import type { Logger } from 'pino'
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats'
import type { CheckedEvtLogConfig } from '../config/evt-log-config.js'
import type { Json } from '../wire/json.js'
import { allSubjects } from './subject.js'

/** A stream's configuration, with what the package's types don't know yet. */
export type LogStreamConfig = Partial<StreamConfig> & { readonly allow_atomic: boolean }

// Nothing is sent with a message id, so nothing needs to be remembered for long.
const DUPLICATE_WINDOW_MS = 100

/** The settings of a stream that keeps events, as `setup` creates it. */
export function logStreamConfig({ stream, replicas, maxBytes }: CheckedEvtLogConfig): LogStreamConfig {
  return {
    name: stream,
    description: 'eventsourced: events',
    subjects: [allSubjects(stream)],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    max_age: 0,
    max_bytes: maxBytes,
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    allow_atomic: true,
    allow_rollup_hdrs: false,
    deny_delete: true,
    deny_purge: false,
  }
}

interface Rule {
  readonly field: string
  readonly isKept: (value: unknown) => boolean
  readonly expected: string
}

const isUnlimited = (value: unknown) => value === undefined || value === -1 || value === 0
const isAbsent = (value: unknown) => value === undefined || value === null || value === false
const is = (expected: unknown) => (value: unknown) => value === expected

/** What a stream must be like so that it loses no event, and so that we can work with it. */
const ALWAYS: readonly Rule[] = [
  { field: 'storage', isKept: is('file'), expected: 'file: memory forgets at a restart' },
  { field: 'retention', isKept: is('limits'), expected: 'limits: others remove what is consumed' },
  { field: 'discard', isKept: is('new'), expected: 'new: old removes events when the stream is full' },
  { field: 'max_age', isKept: isUnlimited, expected: '0: a limit removes old events' },
  { field: 'max_msgs', isKept: isUnlimited, expected: '-1: a limit is not for events' },
  { field: 'max_msgs_per_subject', isKept: isUnlimited, expected: '-1: a limit removes an entity’s old events' },
  { field: 'allow_rollup_hdrs', isKept: isAbsent, expected: 'false: a rollup removes an entity’s events' },
  { field: 'allow_msg_ttl', isKept: isAbsent, expected: 'false: messages may ask to be removed' },
  { field: 'allow_msg_counter', isKept: isAbsent, expected: 'false: counters are no events' },
  {
    field: 'persist_mode',
    isKept: (mode) => mode !== 'async',
    expected: 'default: async acknowledges before it writes',
  },
  { field: 'sealed', isKept: isAbsent, expected: 'false: nothing can be appended' },
  { field: 'no_ack', isKept: isAbsent, expected: 'false: an append needs its answer' },
  { field: 'mirror', isKept: isAbsent, expected: 'none: nothing can be appended to a mirror' },
  { field: 'subject_transform', isKept: isAbsent, expected: 'none: subjects tell whose events they are' },
  { field: 'allow_direct', isKept: is(true), expected: 'true: events are read by direct gets' },
  { field: 'allow_atomic', isKept: is(true), expected: 'true: a command’s events are stored as one' },
]

/**
 * Refuses a stream whose settings lose events, and judges those that make it less safe than it could be.
 *
 * @throws {InvalidInputError} naming the setting as `stream.<setting>`
 */
export function checkStreamSettings(
  settings: Json,
  { stream, durability }: Pick<CheckedEvtLogConfig, 'stream' | 'durability'>,
  logger: Logger | undefined,
): void {
  for (const { field, isKept, expected } of [...ALWAYS, subjectsRule(stream)]) {
    if (!isKept(settings[field])) throw new InvalidInputError(`stream.${field}`, settings[field], expected)
  }
  for (const { field, isKept, expected } of WHEN_STRICT) {
    if (isKept(settings[field])) continue
    if (durability === 'strict') throw new InvalidInputError(`stream.${field}`, settings[field], expected)
    logger?.warn(
      { stream, setting: field, value: settings[field], expected },
      'events are less safe than they could be',
    )
  }
  logger?.info(
    { stream },
    'whether the servers sync each write to the disk (sync_interval: always) is not visible to a client',
  )
}

function subjectsRule(stream: string): Rule {
  const all = allSubjects(stream)
  return {
    field: 'subjects',
    isKept: (subjects) => Array.isArray(subjects) && subjects.length === 1 && subjects[0] === all,
    expected: `["${all}"]`,
  }
}

const WHEN_STRICT: readonly Rule[] = [
  {
    field: 'num_replicas',
    isKept: (replicas) => typeof replicas === 'number' && replicas >= 3,
    expected: '3 or more: one replica is lost with its disk',
  },
  { field: 'deny_delete', isKept: is(true), expected: 'true: single events can be deleted' },
]
