import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { closing, failureOf, newAppend, newEvt, newKey, newStream, openLog } from '../evt-log.test.fixture.js'
import { NatsEvtLog } from '../index.js'
import { checkEvtLogConfig } from '../config/evt-log-config.js'
import type { StreamSettings } from '../config/find-or-create.js'
import type { Json } from '../wire/json.js'
import { checkStreamSettings, logStreamConfig } from './stream-settings.js'

async function createStream(over: Partial<StreamConfig> & { readonly [field: string]: unknown }): Promise<string> {
  const connection = await closing(connect({ servers: testNats() }))
  const stream = newStream()
  const config: StreamSettings = { ...logStreamConfig(checkEvtLogConfig({ connection, stream })), ...over }
  const manager = await connection.jetstreamManager()
  await manager.streams.add(config)
  return stream
}

test.for<[field: string, over: Partial<StreamConfig> & { readonly [field: string]: unknown }]>([
  ['storage', { storage: StorageType.Memory }],
  ['retention', { retention: RetentionPolicy.Workqueue }],
  ['retention', { retention: RetentionPolicy.Interest }],
  ['discard', { discard: DiscardPolicy.Old }],
  ['max_age', { max_age: nanos(86_400_000) }],
  ['max_msgs', { max_msgs: 1_000_000 }],
  ['max_msgs_per_subject', { max_msgs_per_subject: 1_000 }],
  ['allow_rollup_hdrs', { allow_rollup_hdrs: true }],
  ['allow_msg_ttl', { allow_msg_ttl: true }],
  ['persist_mode', { persist_mode: 'async', allow_atomic: false }],
  ['allow_direct', { allow_direct: false }],
  ['allow_atomic', { allow_atomic: false }],
  ['no_ack', { no_ack: true, allow_atomic: false }],
  ['subjects', { subjects: ['something.else'] }],
])('a stream with another %s is refused', async ([field, over]) => {
  const stream = await createStream(over)
  for (const setup of [true, false]) {
    const failure = await failureOf(NatsEvtLog.create({ servers: testNats(), stream, setup }))
    expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: `stream.${field}` })
  }
})

test.for<[field: string, over: Json]>([
  ['mirror', { mirror: { name: 'another' } }],
  ['subject_transform', { subject_transform: { src: '>', dest: 'elsewhere.>' } }],
  ['allow_msg_counter', { allow_msg_counter: true }],
  ['sealed', { sealed: true }],
  ['subjects', { subjects: ['events.*.*.*', 'more'] }],
])('so is one with another %s, which no server lets one set up with the rest', ([field, over]) => {
  const config = checkEvtLogConfig({ servers: 'localhost', stream: 'events' })
  const settings = { ...logStreamConfig(config), ...over }
  expect(() => checkStreamSettings(settings, config, undefined)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: `stream.${field}` }),
  )
})

test('a stream that someone else has set up well is used', async () => {
  const stream = await createStream({ description: 'ours', max_bytes: 1_000_000, duplicate_window: nanos(1_000) })
  const log = await openLog({ servers: testNats(), stream })
  expect(await log.persist(newAppend(newKey()))).toMatchObject({ groups: 1 })
})

test('one replica is refused where durability is strict, and else warned of', async () => {
  const stream = newStream()
  const strict = { servers: testNats(), stream, setup: true, durability: 'strict' } as const
  expect(await failureOf(NatsEvtLog.create(strict))).toMatchObject({ field: 'stream.num_replicas' })
  // It is not created before that is said.
  expect(await failureOf(NatsEvtLog.create({ servers: testNats(), stream }))).toMatchObject({ field: 'stream' })
  expect(await told(await createStream({}))).toContain('"setting":"num_replicas"')
})

test.for<[field: string, over: Json]>([
  ['num_replicas', { num_replicas: 1 }],
  ['num_replicas', { num_replicas: 2 }],
  ['deny_delete', { deny_delete: false }],
])('where durability is strict another %s is refused: %j', ([field, over]) => {
  const config = checkEvtLogConfig({ servers: 'localhost', stream: 'events', replicas: 3, durability: 'strict' })
  const settings = { ...logStreamConfig(config) }
  expect(() => checkStreamSettings(settings, config, undefined)).not.toThrow()
  expect(() => checkStreamSettings({ ...settings, ...over }, config, undefined)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', field: `stream.${field}` }),
  )
})

test('a stream of which single events can be deleted is warned of', async () => {
  expect(await told(await createStream({ deny_delete: false }))).toContain('"setting":"deny_delete"')
  expect(await told(await createStream({}))).not.toContain('deny_delete')
})

test('what a client can not see of the servers is said to be not visible', async () => {
  expect(await told(await createStream({}))).toMatch(/sync_interval.*not visible/)
})

/** What a log says when it is opened on a stream. */
async function told(stream: string): Promise<string> {
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  await openLog({ servers: testNats(), stream, logger })
  return lines.join('')
}

test('a server without a cluster refuses replicas, and says why', async () => {
  const config = { servers: testNats(), stream: newStream(), setup: true, replicas: 3 }
  expect(await failureOf(NatsEvtLog.create(config))).toMatchObject({ code: 'INVALID_INPUT', field: 'replicas' })
})

test('a full stream refuses appends as full, and keeps what it has', async () => {
  const log = await openLog({ servers: testNats(), stream: newStream(), setup: true, maxBytes: 4_096 })
  const key = newKey()
  const { head } = await log.persist(newAppend(key))
  for (const count of [1, 3]) {
    const group = Array.from({ length: count }, () => newEvt({ bytes: Buffer.alloc(5_000) }))
    expect(await failureOf(log.persist(newAppend(key, head, [group])))).toMatchObject({
      code: 'REFUSED',
      reason: 'full',
    })
  }
  expect(await log.head(key)).toMatchObject(head)
})

test('an event past the server’s max_payload is refused as too large, alone or in a group, and nothing is stored', async () => {
  const server = await startNatsServer({ maxPayload: 65_536 })
  onTestFinished(() => server.stop())
  const log = await openLog({ servers: server.url, stream: newStream(), setup: true })
  const key = newKey()
  const large = newEvt({ bytes: Buffer.alloc(65_536) })
  for (const group of [[large], [newEvt(), large]]) {
    const failure = await failureOf(log.persist(newAppend(key, undefined, [group])))
    expect(failure).toMatchObject({ code: 'REFUSED', reason: 'too-large' })
    expect(String(failure)).toContain('max_payload')
  }
  const tooMany = Array.from({ length: 1_001 }, () => newEvt())
  expect(await failureOf(log.persist(newAppend(key, undefined, [tooMany])))).toMatchObject({ reason: 'too-large' })
  expect(await log.head(key)).toMatchObject({ seqNo: 0 })
  // What can be stored before it is stored.
  const { groups } = await log.persist(newAppend(key, undefined, [[newEvt(), newEvt()], [large]]))
  expect(groups).toBe(1)
})
