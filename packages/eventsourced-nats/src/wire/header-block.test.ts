import { randomUUID } from 'node:crypto'
import { testNats } from 'eventsourced-tools/vitest'
import { connect, headers, type Msg } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { fieldsIn, fieldsOf, statusOf } from './header-block.js'

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
    expect(statusOf(msg)).toBeUndefined()
    const bare = await received(undefined, payload, reply)
    expect([...fieldsOf(bare)]).toEqual([])
    expect(statusOf(bare)).toBeUndefined()
  },
)

test('an answer that nobody listens is a status', async () => {
  const connection = await connect({ servers: testNats() })
  onTestFinished(() => connection.close())
  const inbox = randomUUID()
  const arrival = new Promise<Msg>((resolve) => {
    connection.subscribe(inbox, { callback: (_, msg) => resolve(msg) })
  })
  connection.publish(randomUUID(), 'x', { reply: inbox })
  expect(statusOf(await arrival)).toEqual({ code: 503, words: '503' })
})

test.for([
  ['NATS/1.0\r\n\r\n', undefined],
  ['NATS/1.0 404 Message Not Found\r\n\r\n', { code: 404, words: '404 Message Not Found' }],
  ['NATS/1.0 204 EOB\r\nNats-Num-Pending: 0\r\n\r\n', { code: 204, words: '204 EOB' }],
  ['NATS/1.0 503\r\n\r\n', { code: 503, words: '503' }],
] as const)('the block %j has the status %o', ([header, status]) => {
  expect(statusOf({ subject: 's', reply: '', header, data: Buffer.alloc(0) })).toEqual(status)
})

test.for([
  ['as an event has them', ''],
  ['with another one', 'Nats-TTL: 1s\r\n'],
])('fields are found %s', ([, other]) => {
  const fields = { 'Es-Format': '1', 'Es-Type': 'a: b', 'Es-Metadata': '{"a":"Es-Type: c"}', 'Nats-Sequence': '17' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}:  ${value} \r\n`)
  const block = fieldsIn(`NATS/1.0\r\n${lines.join('')}${other}\r\n`)
  for (const [name, value] of Object.entries(fields)) expect(block.get(name)).toBe(value)
  expect(block.get('Es-Version')).toBeUndefined()
  expect(block.get('Nats-TTL')).toBe(other === '' ? undefined : '1s')
})

test('fields that are looked for one by one are those that are read all at once', () => {
  const block =
    'NATS/1.0 404 No Messages\r\nEs-Type: Increased\r\nEs-Type: Decreased\r\nEmpty:\r\nEs-Metadata:  {"a":"Es-No: b"} \r\n\r\n'
  const fields = fieldsIn(block)
  expect([...fields]).toEqual([
    ['Es-Type', 'Increased'],
    ['Empty', ''],
    ['Es-Metadata', '{"a":"Es-No: b"}'],
  ])
  for (const [name, value] of fields) expect(fields.get(name)).toBe(value)
  for (const name of ['Es-No', 'Type', 'NATS/1.0 404 No Messages']) expect(fields.get(name)).toBeUndefined()
})
