import { randomUUID } from 'node:crypto'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, headers, type Msg } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { fieldsIn, fieldsOf, isStatus, parseHeaders } from './header-block.js'

/** What a connection receives of a message that is published to it. */
async function received(fields: Record<string, string> | undefined, payload: string, reply?: string): Promise<Msg> {
  const connection = await connect({ servers: testNats() })
  onTestFinished(() => connection.close())
  const subject = randomUUID()
  const arrival = new Promise<Msg>((resolve, reject) => {
    connection.subscribe(subject, { callback: (error, msg) => (error === null ? resolve(msg) : reject(error)) })
  })
  const hdrs = headers()
  for (const [name, value] of Object.entries(fields ?? {})) hdrs.set(name, value)
  connection.publish(subject, payload, { ...(fields && { headers: hdrs }), ...(reply !== undefined && { reply }) })
  return arrival
}

test.for([
  ['', undefined],
  ['a payload', undefined],
  ['', 'a.reply'],
  ['NATS/1.0\r\n\r\n', 'a.reply'],
] as const)(
  'the fields of a message with the payload %j and the reply %s are those that were sent',
  async ([payload, reply]) => {
    const fields = { 'Es-Type': 'Increased', 'Es-Metadata': '{"a":"b: c"}', 'Nats-Sequence': '17' }
    const msg = await received(fields, payload, reply)
    expect(Object.fromEntries(fieldsOf(msg))).toEqual(fields)
    expect(isStatus(msg)).toBe(false)
    const bare = await received(undefined, payload, reply)
    expect([...fieldsOf(bare)]).toEqual([])
    expect(isStatus(bare)).toBe(false)
  },
)

test('the package, whose memory is read, keeps header blocks where they are looked for', async () => {
  const msg = await received({ 'Es-Type': 'Increased' }, 'a payload')
  Object.defineProperty(msg, 'headers', { value: undefined })
  expect(fieldsOf(msg).get('Es-Type')).toBe('Increased')
})

test('where the block is not before the payload the package is asked', async () => {
  const msg = await received({ 'Es-Type': 'Increased' }, 'a payload')
  Object.defineProperty(msg, 'data', { value: Uint8Array.from(msg.data) })
  expect(fieldsOf(msg).get('Es-Type')).toBe('Increased')
})

test('an answer that nobody listens is a status', async () => {
  const connection = await connect({ servers: testNats() })
  onTestFinished(() => connection.close())
  const inbox = randomUUID()
  const arrival = new Promise<Msg>((resolve) => {
    connection.subscribe(inbox, { callback: (_, msg) => resolve(msg) })
  })
  connection.publish(randomUUID(), 'x', { reply: inbox })
  expect(isStatus(await arrival)).toBe(true)
})

test('fields that are looked for one by one are those that are read all at once', () => {
  const block =
    'NATS/1.0 404 No Messages\r\nEs-Type: Increased\r\nEs-Type: Decreased\r\nEmpty:\r\nEs-Metadata:  {"a":"Es-No: b"} \r\n\r\n'
  const fields = parseHeaders(block)
  expect([...fields.keys()]).toEqual(['Es-Type', 'Empty', 'Es-Metadata'])
  expect([...fieldsIn(block)]).toEqual([...fields])
  for (const name of [...fields.keys(), 'Es-No', 'Type', 'NATS/1.0 404 No Messages']) {
    expect(fieldsIn(block).get(name)).toBe(fields.get(name))
  }
})
