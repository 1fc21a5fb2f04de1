import { inflateRawSync } from 'node:zlib'
import { sliceOf } from 'eventsourced'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, headers, type JsMsg, type NatsConnection } from 'nats'
import { describe, expect, test } from 'vitest'
import { closing, newAppend, newEvt, newKey, newStream, openLog, ZERO } from './evt-log.test.fixture.js'
import { NatsSnapshotStore } from './index.js'

describe('a plain NATS client, as the contract of subjects and headers tells it,', () => {
  test('reads events and follows them', async () => {
    const stream = newStream()
    const log = await openLog({ servers: testNats(), stream, setup: true })
    const key = newKey()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const metadata = { who: 'Änne', traceparent }
    const first = newAppend(key, ZERO, [[newEvt({ type: 'Größer geworden', version: 2, metadata })]])
    const { head } = await log.persist(first)

    const connection = await closing(connect({ servers: testNats() }))
    const messages = await follow(connection, stream, `${stream}.counter.*.*`)
    const read = await messages.next()
    expect(read.subject).toBe(`${stream}.counter.${sliceOf(key.id)}.${key.id}`)
    expect(read.seq).toBe(head.position)
    expect(read.data).toEqual(first.groups[0]?.[0]?.bytes)
    const fields = Object.fromEntries((read.headers?.keys() ?? []).map((name) => [name, read.headers?.get(name)]))
    expect(fields).toEqual({
      'Es-Format': '1',
      'Es-Seq-No': '1',
      'Es-Append-Id': first.appendId,
      'Es-Type': 'Gr%C3%B6%C3%9Fer%20geworden',
      'Es-Version': '2',
      'Es-Metadata': `{"who":"\\u00c4nne","traceparent":"${traceparent}"}`,
      traceparent,
      'Nats-Expected-Last-Subject-Sequence': '0',
    })
    expect(JSON.parse(fields['Es-Metadata'] ?? '')).toEqual(metadata)
    expect(decodeURIComponent(fields['Es-Type'] ?? '')).toBe('Größer geworden')

    const group = [newEvt(), newEvt({ metadata: { long: '\u0001'.repeat(10_000) } })]
    const second = await log.persist(newAppend(key, head, [group]))
    for (const [index, evt] of group.entries()) {
      const message = await messages.next()
      expect(message.seq).toBe(second.positions[index])
      expect(message.headers?.get('Es-Seq-No')).toBe(String(index + 2))
      expect(message.data).toEqual(evt.bytes)
      if (index === 0) continue
      const deflated = Buffer.from(message.headers?.get('Es-Metadata-Deflated') ?? '', 'base64')
      expect(JSON.parse(inflateRawSync(deflated).toString())).toEqual(evt.metadata)
    }

    await log.deleteEvts(key, 3)
    const tombstone = await messages.next()
    expect(tombstone.data.length).toBe(0)
    expect(tombstone.headers?.get('Es-Seq-No')).toBe('3')
    expect(tombstone.headers?.get('Es-Tombstone')).toBe(String(second.head.position))
  })

  test('may append an event, which the log reads as any', async () => {
    const stream = newStream()
    const log = await openLog({ servers: testNats(), stream, setup: true })
    const key = newKey()
    const { appendId } = newAppend(key)
    const connection = await closing(connect({ servers: testNats() }))
    const own = headers()
    own.set('Es-Format', '1')
    own.set('Es-Seq-No', '1')
    own.set('Es-Append-Id', appendId)
    own.set('Es-Type', 'Increased')
    own.set('Es-Version', '1')
    const subject = `${stream}.counter.${sliceOf(key.id)}.${key.id}`
    await connection.jetstream().publish(subject, 'by hand', { headers: own, expect: { lastSubjectSequence: 0 } })
    for await (const evt of log.evtsById(key)) {
      expect(evt).toMatchObject({ key, seqNo: 1, appendId, type: 'Increased', version: 1, metadata: {} })
      expect(Buffer.from(evt.bytes).toString()).toBe('by hand')
    }
    const { head } = await log.persist(newAppend(key, await log.head(key)))
    expect(head.seqNo).toBe(2)
  })
})

test('a plain key-value client reads a snapshot', async () => {
  const bucket = newStream()
  const store = await NatsSnapshotStore.create({ servers: testNats(), bucket, setup: true })
  const key = newKey()
  const { appendId } = newAppend(key)
  for (const seqNo of [10, 20, 30]) {
    await store.save(key, { seqNo, appendId, version: 3, bytes: Buffer.from(`state ${seqNo}`) }, { keep: 2 })
  }
  await store.close()
  const connection = await closing(connect({ servers: testNats() }))
  const kv = await connection.jetstream().views.kv(bucket, { bindOnly: true })
  const read = async (name: string) => {
    const [line = '', state] = (await kv.get(name))?.string().split('\n') ?? []
    return { line: JSON.parse(line), state }
  }
  expect(await read(`counter.${key.id}`)).toEqual({
    line: { format: 1, seqNo: 30, appendId, version: 3, older: [20] },
    state: 'state 30',
  })
  expect(await read(`counter.${key.id}.20`)).toEqual({
    line: { format: 1, seqNo: 20, appendId, version: 3, older: [] },
    state: 'state 20',
  })
  expect(await kv.get(`counter.${key.id}.10`)).toBeNull()
})

/** The messages on a subject, from the first on, as they come. */
async function follow(
  connection: NatsConnection,
  stream: string,
  filterSubjects: string,
): Promise<{ next(): Promise<JsMsg> }> {
  const consumer = await connection.jetstream().consumers.get(stream, { filterSubjects })
  const messages = (await consumer.consume())[Symbol.asyncIterator]()
  return {
    next: async () => {
      const { value, done } = await messages.next()
      if (done === true) throw new Error('the messages ended')
      return value
    },
  }
}

test('the bucket of the snapshots behaves as the walkthrough of key-value buckets tells', async () => {
  const bucket = newStream()
  await (await NatsSnapshotStore.create({ servers: testNats(), bucket, setup: true })).close()
  const connection = await closing(connect({ servers: testNats() }))
  const js = connection.jetstream()
  const kv = await js.views.kv(bucket, { bindOnly: true })

  // Each put has a revision, which an update must know.
  expect(await kv.put('sue.color', 'blue')).toBe(1)
  expect(await kv.get('sue.color')).toMatchObject({ key: 'sue.color', revision: 1, operation: 'PUT' })
  expect((await kv.get('sue.color'))?.string()).toBe('blue')
  expect(await kv.put('sue.color', 'green')).toBe(2)
  expect((await kv.get('sue.color'))?.string()).toBe('green')
  await expect(kv.update('sue.color', 'red', 1)).rejects.toMatchObject({ api_error: { err_code: 10071 } })
  expect((await kv.get('sue.color'))?.string()).toBe('green')
  expect(await kv.update('sue.color', 'red', 2)).toBe(3)
  expect((await kv.get('sue.color'))?.string()).toBe('red')
  const keys = []
  for await (const key of await kv.keys()) keys.push(key)
  expect(keys).toEqual(['sue.color'])

  // The bucket is a stream, of which a consumer sees the value that is left, and then what comes.
  const manager = await connection.jetstreamManager()
  const names = []
  for await (const name of manager.streams.names(`$KV.${bucket}.>`)) names.push(name)
  expect(names).toEqual([`KV_${bucket}`])
  const messages = await follow(connection, `KV_${bucket}`, `$KV.${bucket}.>`)
  const valueNow = await messages.next()
  expect([valueNow.subject, valueNow.seq, valueNow.string()]).toEqual([`$KV.${bucket}.sue.color`, 3, 'red'])
  expect(await kv.put('sue.color', 'yellow')).toBe(4)
  const put = await messages.next()
  expect([put.subject, put.seq, put.string()]).toEqual([`$KV.${bucket}.sue.color`, 4, 'yellow'])

  // A deletion is a revision too: an empty message with a header.
  await kv.delete('sue.color')
  const deletion = await messages.next()
  expect([deletion.seq, deletion.data.length, deletion.headers?.get('KV-Operation')]).toEqual([5, 0, 'DEL'])
  expect(await kv.get('sue.color')).toMatchObject({ revision: 5, operation: 'DEL', length: 0 })

  // A watch tells the last value, here the deletion, and then what comes on keys that fit; all keys share their revisions.
  const watch = (await kv.watch({ key: 'sue.*' }))[Symbol.asyncIterator]()
  const watched = async () => {
    const { value, done } = await watch.next()
    if (done === true) throw new Error('the watch ended')
    return { key: value.key, revision: value.revision, text: value.string(), operation: value.operation }
  }
  expect(await watched()).toEqual({ key: 'sue.color', revision: 5, text: '', operation: 'DEL' })
  expect(await kv.put('sue.color', 'purple')).toBe(6)
  expect(await watched()).toEqual({ key: 'sue.color', revision: 6, text: 'purple', operation: 'PUT' })
  expect(await kv.put('sue.food', 'pizza')).toBe(7)
  expect(await watched()).toEqual({ key: 'sue.food', revision: 7, text: 'pizza', operation: 'PUT' })
})
