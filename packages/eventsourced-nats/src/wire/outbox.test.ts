import { testNats } from 'eventsourced-tools/vitest'
import { connect, type Msg, type NatsConnection, nuid } from 'nats'
import { expect, test } from 'vitest'
import { closing } from '../evt-log.test.fixture.js'
import { openOutbox, type OutMsg, type Publisher } from './outbox.js'

/** Puts messages in one turn, and answers with what came of them, in order. */
async function sent(publisher: Publisher, msgs: readonly OutMsg[], reply: string): Promise<Msg[]> {
  const receiver = await closing(connect({ servers: testNats() }))
  const came: Msg[] = []
  const all = new Promise<void>((done) => {
    receiver.subscribe('outbox-test.>', { callback: (_, msg) => came.push(msg) === msgs.length && done() })
  })
  await receiver.flush()
  const outbox = openOutbox(publisher)
  for (const [n, msg] of msgs.entries()) {
    outbox.put(msg, reply)
    if (n % 100 === 1) outbox.flush()
  }
  await all
  return came
}

function shown({ subject, reply, headers, data }: Msg) {
  return { subject, reply, note: headers?.get('Note') ?? '', payload: Buffer.from(data).toString() }
}

test.for<[what: string, (connection: NatsConnection) => Publisher]>([
  ['the package’s own connection', (connection) => connection],
  ['one that wraps it', (connection) => ({ publish: (...args) => connection.publish(...args) })],
])('messages go out in order and as they are on %s', async ([, publisherOf]) => {
  const publisher = publisherOf(await closing(connect({ servers: testNats() })))
  const subject = `outbox-test.zähler.${nuid.next()}`
  const payloads = ['', 'short', 'ß'.repeat(40_000), ...Array.from({ length: 2_000 }, (_, n) => `message ${n}`)]
  for (const reply of ['', 'somebody.else']) {
    const msgs = payloads.map((text, n) => ({
      subject,
      header: n % 2 === 0 ? '' : `NATS/1.0\r\nNote: ${n}\r\n\r\n`,
      payload: Buffer.from(text),
    }))
    expect((await sent(publisher, msgs, reply)).map(shown)).toEqual(
      payloads.map((payload, n) => ({ subject, reply, note: n % 2 === 0 ? '' : String(n), payload })),
    )
  }
})
