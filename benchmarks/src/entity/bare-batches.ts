import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { appendIds } from 'eventsourced'
import { counterBinarizer } from 'eventsourced-counter'
import { fieldsOf, newSubject } from '../jetstream/publishes.js'
import type { Contender } from '../measure.js'

/** The most messages that the server takes as one atomic batch. */
const MSGS = 1_000
const BATCHES = 100
const INBOX = '_INBOX.bare'
const CONNECT = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'

/** A batch as it goes over the wire: nothing of it but the fence, which stands on its first message, is made while it is measured. */
interface Prepared {
  readonly first: (fence: number) => Buffer
  readonly others: Buffer
}

/**
 * What JetStream can do for one entity at most: the same messages in atomic batches as large as may be, each sent as soon as the one before
 * is stored, by a client that takes no time. No promise a command, no check, no encoding, and nobody is answered.
 */
export function bareBatches(url: string, stream: string): Contender {
  let socket: Socket | undefined
  let batches: Prepared[] = []
  return {
    name: `bare atomic batches of ${MSGS.toLocaleString('en')}`,
    prepare: async () => {
      batches = prepareBatches(newSubject(stream))
      socket = await connected(url)
    },
    run: async () => {
      if (socket === undefined) throw new Error('nothing is prepared')
      let fence = 0
      for (const { first, others } of batches) {
        const stored = storedUpTo(socket)
        socket.write(first(fence))
        socket.write(others)
        fence = await stored
      }
      socket.destroy()
      return BATCHES * MSGS
    },
  }
}

async function connected(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  socket.write(`${CONNECT}SUB ${INBOX} 1\r\n`)
  return socket
}

function prepareBatches(subject: string): Prepared[] {
  const nextAppendId = appendIds()
  const { bytes } = counterBinarizer.encodeEvt({ type: 'Increased', oldValue: 1_000n, inc: 1n })
  return Array.from({ length: BATCHES }, (_, batch) => {
    const appendId = nextAppendId()
    const msg = (sequence: number, fenceLine = '') => {
      const fields = fieldsOf(batch * MSGS + sequence, appendId)
      fields.push(['Nats-Batch-Id', `batch-${batch}-of-an-entity`], ['Nats-Batch-Sequence', String(sequence)])
      if (sequence === MSGS) fields.push(['Nats-Batch-Commit', '1'])
      const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      return onTheWire(
        sequence === MSGS ? `${subject} ${INBOX}` : subject,
        `NATS/1.0\r\n${lines}${fenceLine}\r\n`,
        bytes,
      )
    }
    return {
      first: (fence) => msg(1, `Nats-Expected-Last-Subject-Sequence: ${fence}\r\n`),
      others: Buffer.concat(Array.from({ length: MSGS - 1 }, (_, index) => msg(index + 2))),
    }
  })
}

function onTheWire(to: string, header: string, payload: Uint8Array): Buffer {
  const size = header.length + payload.byteLength
  return Buffer.concat([Buffer.from(`HPUB ${to} ${header.length} ${size}\r\n${header}`), payload, Buffer.from('\r\n')])
}

/** The sequence of a batch's last message, once the server has stored all of it. */
function storedUpTo(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let came = ''
    const onData = (bytes: Buffer) => {
      came += bytes.toString('latin1')
      if (bytes.includes('PING\r\n')) socket.write('PONG\r\n')
      const answer = /^MSG .*\r\n(\{.*\})\r\n/m.exec(came)?.[1]
      if (answer === undefined) return
      socket.off('data', onData)
      const [, seq, count] = /"seq":(\d+).*"count":(\d+)/.exec(answer) ?? []
      if (Number(count) === MSGS) resolve(Number(seq))
      else reject(new Error(`not stored: ${answer}`))
    }
    socket.on('data', onData)
  })
}
