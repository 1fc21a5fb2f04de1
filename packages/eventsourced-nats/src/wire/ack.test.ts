import type { Msg } from 'nats'
import { expect, test } from 'vitest'
import { pubReply } from './ack.js'

const understood = (text: string) => pubReply('ES', { kind: 'msg', msg: msgOf(text) })

test.for<[text: string, seq: number, count: number]>([
  ['{"stream":"ES","seq":1}', 1, 1],
  ['{"stream":"ES","seq":9007199254740991}', Number.MAX_SAFE_INTEGER, 1],
  ['{"stream":"ES","domain":"hub","seq":7}', 7, 1],
  ['{"stream":"ES","seq":7,"domain":"hub"}', 7, 1],
  ['{"stream":"ES","seq":7,"batch":"x","count":3}', 7, 3],
])('%s is stored', ([text, seq, count]) => {
  expect(understood(text)).toEqual({ kind: 'stored', seq, count })
})

test.for([
  '{"stream":"OTHER","seq":1}',
  '{"stream":"ES","seq":7,"duplicate":true}',
  '{"stream":"ES","seq":9007199254740993}',
  '{"stream":"ES","seq":0}',
  '{"stream":"ES"}',
  'nonsense',
  '',
])('%s promises nothing', (text) => {
  expect(understood(text).kind).toBe('lost')
})

test('an error is told by its code and its words', () => {
  const text = '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"ES","seq":0}'
  expect(understood(text)).toEqual({ kind: 'error', code: 10071, description: 'wrong last sequence: 5' })
})

function msgOf(text: string): Msg {
  const unused = () => {
    throw new Error('not used')
  }
  const data = Buffer.from(text)
  return { subject: 'x', sid: 1, data, respond: unused, json: unused, string: () => text }
}
