import { randomUUID } from 'node:crypto'
import { entityKey } from 'eventsourced'
import { expect, test } from 'vitest'
import { fieldsIn } from '../wire/header-block.js'
import { evtHeader, msgHead, readingEvts, tombstoneHeader } from './evt-message.js'
import { metadataLines } from './metadata.js'
import type { StoredMsg } from './stored-msg.js'
import { subjectOf } from './subject.js'

const evtOf = readingEvts()
const KEY = entityKey('counter', randomUUID())
const APPEND_ID = `${randomUUID()}:7`
const TIME = new Date()
const METADATA = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', user: 'Ada: \r\n Übung' }
const FENCE = 'Nats-Expected-Last-Subject-Sequence: 11\r\n'
const BATCH = 'Nats-Batch-Id: id\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1\r\n'
const EVT = { type: 'Größer als', version: 3, bytes: new Uint8Array([1, 2]) }
const HEADER = evtHeader(5, APPEND_ID, { ...EVT, metadata: {} })

function msgWith(block: string): StoredMsg {
  return { subject: subjectOf('s', KEY), seq: 12, time: TIME, headers: fieldsIn(block), data: EVT.bytes }
}

/** The same lines in another order, with blanks around what they say, and one of somebody else's. */
function otherwise(block: string): string {
  const [first, ...lines] = block.trimEnd().split('\r\n')
  const others = [...lines.map((line) => `${line.replace(':', ': ')}  `).toReversed(), 'X-Other: Es-Type: a']
  return `${[first, ...others].join('\r\n')}\r\n\r\n`
}

test.for([
  { of: 'a bare event', metadata: {}, fence: '' },
  { of: 'the first event of a batch', metadata: {}, fence: FENCE + BATCH },
  { of: 'an event with metadata', metadata: METADATA, fence: '' },
  { of: 'an event with metadata that is packed', metadata: { k: 'é'.repeat(20_000) }, fence: FENCE },
])('$of is read alike, whether it stands as this package writes it or not', ({ metadata, fence }) => {
  const block = `${HEADER}${metadataLines(metadata)}${fence}\r\n`
  const evt = { key: KEY, seqNo: 5, position: 12, appendId: APPEND_ID, ...EVT, time: TIME, metadata }
  const head = { seqNo: 5, position: 12, appendId: APPEND_ID, seq: 12, isTombstone: false }
  for (const msg of [msgWith(block), msgWith(otherwise(block))]) {
    expect(evtOf(msg)).toEqual(evt)
    expect(msgHead(msg)).toEqual({ ...head, fence: fence === '' ? undefined : 11 })
  }
})

test('a tombstone is no event, and stands where the event stood', () => {
  const head = { seqNo: 5, position: 9, appendId: APPEND_ID, seq: 12, isTombstone: true, fence: 11 }
  const block = `${tombstoneHeader(head)}${FENCE}\r\n`
  for (const msg of [msgWith(block), msgWith(otherwise(block))]) {
    expect(evtOf(msg)).toBeUndefined()
    expect(msgHead(msg)).toEqual(head)
  }
})

test.for([
  ['no headers', ''],
  ['another format', HEADER.replace('Es-Format: 1', 'Es-Format: 2')],
  ['a format that only begins alike', HEADER.replace('Es-Format: 1', 'Es-Format: 10')],
  ['no seqNo', HEADER.replace('Es-Seq-No: 5', 'Es-Seq-No: five')],
  ['a seqNo past what numbers tell apart', HEADER.replace('Es-Seq-No: 5', 'Es-Seq-No: 9007199254740993')],
  ['no appendId', HEADER.replace('Es-Append-Id', 'Append-Id')],
] as const)('a message with %s is refused', ([, block]) => {
  expect(() => evtOf(msgWith(`${block}\r\n`))).toThrow(
    expect.objectContaining({ code: 'REFUSED', reason: 'bad-input' }),
  )
})

test('events that differ from the one before them come as they are', () => {
  const read = readingEvts()
  const evts = [
    { type: 'A', appendId: 'a:1' },
    { type: 'A', appendId: 'a:2' },
    { type: 'B', appendId: 'a:2' },
    { type: '%', appendId: 'b:2' },
  ]
  const blocks = evts.map(({ type, appendId }) => `${evtHeader(1, appendId, { ...EVT, type, metadata: {} })}\r\n`)
  expect(blocks.map((block) => read(msgWith(block)))).toMatchObject(evts)
})
