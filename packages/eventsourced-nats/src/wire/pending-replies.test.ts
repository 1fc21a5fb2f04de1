import type { Msg } from 'nats'
import { expect, test } from 'vitest'
import { PendingReplies } from './pending-replies.js'
import type { Reply } from './wire.js'

const MINUTE = 60_000

function msgOf(text: string): Msg {
  const unused = () => {
    throw new Error('not used')
  }
  return { subject: 'x', sid: 1, data: Buffer.from(text), respond: unused, json: unused, string: () => text }
}

const textOf = (reply: Reply) => (reply.kind === 'msg' ? Buffer.from(reply.msg.data).toString() : reply.kind)

test('each of very many requests gets its own answer, once, whatever the order', () => {
  const pending = new PendingReplies(MINUTE)
  const answers: string[] = []
  const tokens = Array.from({ length: 5_000 }, (_, n) =>
    pending.add('s', (reply) => answers.push(`${n}: ${textOf(reply)}`)),
  )
  for (const [n, token] of [...tokens.entries()].toReversed()) {
    pending.answer(token, msgOf(String(n)))
    pending.answer(token, msgOf('late'))
  }
  expect(answers.toReversed()).toEqual(tokens.map((_, n) => `${n}: ${n}`))
  pending.loseAll('over')
})

test('one that takes long is not confused with any of those that come and go meanwhile', () => {
  const pending = new PendingReplies(MINUTE)
  const answers: string[] = []
  const slow = pending.add('slow', (reply) => answers.push(textOf(reply)))
  for (let n = 0; n < 10_000; n++) {
    const token = pending.add('quick', () => {})
    expect(pending.has(token)).toBe(true)
    pending.answer(token, msgOf('quick'))
    expect(pending.has(token)).toBe(false)
  }
  expect(answers).toEqual([])
  pending.answer(slow, msgOf('slow'))
  expect(answers).toEqual(['slow'])
  pending.loseAll('over')
})

test('all that wait are lost with the connection, and what is asked for then waits anew', () => {
  const pending = new PendingReplies(MINUTE)
  const ends: string[] = []
  for (let n = 0; n < 3; n++)
    pending.add('s', ({ kind }) => ends.push(kind) && pending.add('again', () => ends.push('?')))
  pending.loseAll('cut off')
  expect(ends).toEqual(['lost', 'lost', 'lost'])
  pending.forbid('again')
  expect(ends).toEqual(['lost', 'lost', 'lost', '?', '?', '?'])
  pending.loseAll('over')
})
