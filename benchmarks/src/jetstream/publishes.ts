import { randomUUID } from 'node:crypto'
import { appendIds } from 'eventsourced'
import { createInbox, headers, type NatsConnection } from 'nats'
import type { Contender } from '../measure.js'
import { ENTITIES, PAYLOAD } from './appends.js'

/** The fields that a message of the log has, without those of the fence and of a batch. */
export function fieldsOf(seqNo: number, appendId: string): [string, string][] {
  return [
    ['Es-Format', '1'],
    ['Es-Seq-No', String(seqNo)],
    ['Es-Append-Id', appendId],
    ['Es-Type', 'Increased'],
    ['Es-Version', '1'],
  ]
}

export function newSubject(stream: string): string {
  return `${stream}.counter.0.${randomUUID()}`
}

/** The package's `js.publish`, with the same fence, for as many subjects at once, one message in flight each. */
export function jsPublishing(connection: NatsConnection, stream: string, messages: number): Contender {
  const js = connection.jetstream({ timeout: 60_000 })
  const publishFor = async () => {
    const subject = newSubject(stream)
    const nextAppendId = appendIds()
    let lastSubjectSequence = 0
    for (let n = 1; n <= messages; n++) {
      const fields = headers()
      for (const [name, value] of fieldsOf(n, nextAppendId())) fields.set(name, value)
      const ack = await js.publish(subject, PAYLOAD, { headers: fields, expect: { lastSubjectSequence } })
      lastSubjectSequence = ack.seq
    }
  }
  return {
    name: 'js.publish',
    run: async () => {
      await Promise.all(Array.from({ length: ENTITIES }, publishFor))
      return ENTITIES * messages
    },
  }
}

/**
 * As little as a client can do: one inbox, a callback that publishes a subject's next message as soon as the one before is acknowledged,
 * header blocks made by hand. The same headers, fences and bytes; no promise, no check, no event.
 */
export function barePublishing(connection: NatsConnection, stream: string, messages: number): Contender {
  let block: Uint8Array = new Uint8Array(0)
  // The package asks for the bytes while it publishes.
  const encoded = Object.assign(headers(), { encode: () => block })
  const run = async () => {
    const inbox = createInbox()
    const subjects = Array.from({ length: ENTITIES }, () => ({
      name: newSubject(stream),
      nextAppendId: appendIds(),
      sent: 0,
    }))
    let left = ENTITIES
    const publish = (index: number, fence: number) => {
      const subject = subjects[index]
      if (subject === undefined) throw new Error(`an answer for subject ${index}`)
      const fields = fieldsOf(++subject.sent, subject.nextAppendId())
      const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      block = Buffer.from(`NATS/1.0\r\n${lines}Nats-Expected-Last-Subject-Sequence: ${fence}\r\n\r\n`, 'latin1')
      connection.publish(subject.name, PAYLOAD, { reply: `${inbox}.${index}`, headers: encoded })
    }
    await new Promise<void>((resolve, reject) => {
      const subscription = connection.subscribe(`${inbox}.*`, {
        callback: (error, msg) => {
          const text = Buffer.from(msg.data.buffer, msg.data.byteOffset, msg.data.byteLength).toString('latin1')
          const seq = Number(text.slice(text.indexOf('"seq":') + 6, -1))
          if (error !== null || !Number.isSafeInteger(seq)) return reject(new Error(`not stored: ${text}`))
          const index = Number(msg.subject.slice(inbox.length + 1))
          if ((subjects[index]?.sent ?? 0) < messages) return publish(index, seq)
          if (--left > 0) return
          subscription.unsubscribe()
          resolve()
        },
      })
      for (let index = 0; index < ENTITIES; index++) publish(index, 0)
    })
    return ENTITIES * messages
  }
  return { name: 'bare publish loop', run }
}
