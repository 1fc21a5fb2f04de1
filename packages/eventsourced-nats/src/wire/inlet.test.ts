import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, test } from 'vitest'
import { closing } from '../evt-log.test.fixture.js'
import { parserOf, tap } from './inlet.js'

const HEADER = 'NATS/1.0\r\nEs-Type: Increased\r\n\r\n'

/** A connection with a tapped subscription and another one, what came to each, and how to let bytes come in. */
async function tapped() {
  const connection = await closing(connect({ servers: testNats() }))
  const came: string[] = []
  const others: string[] = []
  const mine = connection.subscribe('inlet-test.mine', {
    callback: (_, msg) => came.push(`${msg.subject} ${msg.reply ?? ''} ${msg.data.byteLength}`),
  })
  const other = connection.subscribe('inlet-test.other', { callback: (_, msg) => others.push(msg.string()) })
  let byTap = 0
  const untap = tap(connection, mine.getID(), ({ subject, reply, header, data }) => {
    expect(['', HEADER]).toContain(header)
    if (reply === '') return false
    byTap += 1
    came.push(`${subject} ${reply} ${data.byteLength}`)
    return true
  })
  const receive = (bytes: Buffer) => parserOf(connection)?.parse(bytes)
  return { mine: mine.getID(), other: other.getID(), came, others, receive, untap, byTap: () => byTap }
}

function hmsg(sid: number, { subject = 'a.b', reply = '', size = 3 }): string {
  const to = reply === '' ? '' : `${reply} `
  return `HMSG ${subject} ${sid} ${to}${HEADER.length} ${HEADER.length + size}\r\n${HEADER}${'x'.repeat(size)}\r\n`
}

test.for([1, 7, 64, 1_000, 65_536, 1_000_000])(
  'what comes in pieces of %i bytes comes whole and in order',
  async (piece) => {
    const { mine, other, came, others, receive, byTap } = await tapped()
    const sizes = [0, 3, 200, 32_000, 33_000, 100_000]
    const all = sizes.flatMap((size, index) => [
      hmsg(mine, { subject: `s.${index}`, reply: '$JS.ACK.1', size }),
      `MSG inlet-test.other ${other} 5\r\nplain\r\n`,
      hmsg(mine, { subject: `s.${index}`, size }),
      'PING\r\n',
      hmsg(other, { reply: 'r', size: 4 }),
      '+OK\r\n',
      hmsg(mine, { subject: `s.${index}`, reply: '$JS.ACK.2', size }),
      `MSG s.${index} ${mine} ${size}\r\n${'x'.repeat(size)}\r\n`,
      `MSG s.${index} ${mine} a.reply ${size}\r\n${'x'.repeat(size)}\r\n`,
    ])
    const bytes = Buffer.from(all.join(''))
    for (let at = 0; at < bytes.byteLength; at += piece) receive(bytes.subarray(at, at + piece))
    expect(came).toEqual(
      sizes.flatMap((size, index) =>
        ['$JS.ACK.1', '', '$JS.ACK.2', '', 'a.reply'].map((reply) => `s.${index} ${reply} ${size}`),
      ),
    )
    expect(others).toEqual(sizes.flatMap(() => ['plain', 'xxxx']))
    // Those with a reply, but for such as are too large to wait for the rest of.
    expect(byTap()).toBeGreaterThanOrEqual(3 * sizes.filter((size) => size < 32_768 - 1_024).length)
  },
)

test('once a tap has ended messages reach the callback', async () => {
  const { mine, came, receive, untap, byTap } = await tapped()
  untap()
  receive(Buffer.from(hmsg(mine, { reply: 'r' })))
  expect(came).toEqual(['a.b r 3'])
  expect(byTap()).toBe(0)
})

test('a connection that is not the package’s own is left alone', () => {
  expect(parserOf({})).toBeUndefined()
  expect(parserOf({ protocol: { parser: { parse: 1 } } })).toBeUndefined()
})
