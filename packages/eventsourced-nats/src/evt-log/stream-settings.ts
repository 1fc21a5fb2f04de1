import { InvalidInputError } from 'eventsourced'
import type { Logger } from 'pino'
import { DiscardPolicy, nanos, RetentionPolicy, StorageType } from 'nats'
import type { CheckedEvtLogConfig } from '../config/evt-log-config.js'
import type { StreamSettings } from '../config/find-or-create.js'
import { checkRules, is, isAbsent, isUnlimited, listensTo, LOSSLESS, type Rule } from '../config/setting-rules.js'
import type { Json } from '../wire/json.js'
import { allSubjects } from './subject.js'

// Nothing is sent with a message id, so nothing needs to be remembered for long.
const DUPLICATE_WINDOW_MS = 100

/** The settings of a stream that keeps events, as `setup` creates it. */
export function logStreamConfig({ stream, replicas, maxBytes }: CheckedEvtLogConfig): StreamSettings {
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

/** What a stream must be like so that it loses no event, and so that we can work with it. */
const ALWAYS: readonly Rule[] = [
  ...LOSSLESS,
  { field: 'max_msgs_per_subject', isKept: isUnlimited, expected: '-1: a limit removes an entity’s old events' },
  { field: 'allow_rollup_hdrs', isKept: isAbsent, expected: 'false: a rollup removes an entity’s events' },
  { field: 'allow_msg_ttl', isKept: isAbsent, expected: 'false: messages may ask to be removed' },
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
  checkRules('stream', settings, [...ALWAYS, listensTo(allSubjects(stream))])
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

const WHEN_STRICT: readonly Rule[] = [
  {
    field: 'num_replicas',
    isKept: (replicas) => typeof replicas === 'number' && replicas >= 3,
    expected: '3 or more: one replica is lost with its disk',
  },
  { field: 'deny_delete', isKept: is(true), expected: 'true: single events can be deleted' },
]
