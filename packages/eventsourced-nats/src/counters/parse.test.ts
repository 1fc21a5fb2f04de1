import { describe, expect, test } from 'vitest'
import { parseCounterAck, parseCounterIncrement, parseCounterSources, parseCounterValue } from './index.js'

const code = (wanted: string): unknown => expect.objectContaining({ name: 'CounterError', code: wanted })

describe('the value', () => {
  test.for([
    ['{"val":"15"}', 15n],
    ['{"val":"+15"}', 15n],
    ['{"val":"-15"}', -15n],
    ['{"val":"0"}', 0n],
    [`{"val":"${'9'.repeat(1_000)}"}`, 10n ** 1_000n - 1n],
  ] as const)('of %s is read', ([body, value]) => {
    expect(parseCounterValue(body)).toBe(value)
    expect(parseCounterValue(Buffer.from(body))).toBe(value)
  })

  test.for([
    '{}',
    '{"val":15}',
    '{"val":""}',
    '{"val":"1.5"}',
    '{"val":"0x10"}',
    '{"val":" 1"}',
    '{"val":"1e3"}',
    '[]',
  ])('of %s is none', (body) => expect(() => parseCounterValue(body)).toThrow(code('INVALID_COUNTER_VALUE')))

  test.for(['', 'x', '15', 'null', '{"val":'])('of "%s", which is no JSON object, is none', (body) =>
    expect(() => parseCounterValue(body)).toThrow(code('SERIALIZATION')),
  )
})

describe('the acknowledgement', () => {
  test('tells stream, sequence and value', () => {
    const ack = parseCounterAck('{"stream":"C","seq":7,"val":"-15"}')
    expect(ack).toEqual({ stream: 'C', seq: 7, duplicate: false, value: -15n })
  })

  test('of a duplicate has no value', () => {
    const ack = parseCounterAck('{"stream":"C","seq":7,"duplicate": true}')
    expect(ack).toEqual({ stream: 'C', seq: 7, duplicate: true, value: undefined })
  })

  test.for([
    ['{"stream":"C","seq":7}', 'MISSING_RESPONSE_VALUE'],
    ['{"stream":"C","seq":7,"val":"x"}', 'INVALID_RESPONSE_VALUE'],
    ['{"stream":"C","seq":7,"val":15}', 'INVALID_RESPONSE_VALUE'],
    ['{"stream":"C","seq":7,"val":"x","duplicate":true}', 'INVALID_RESPONSE_VALUE'],
    ['{"seq":7,"val":"15"}', 'SERIALIZATION'],
    ['+OK', 'SERIALIZATION'],
    ['{"error":{"code":400,"err_code":10171,"description":"invalid"},"stream":"C"}', 'PUBLISH'],
  ] as const)('%s is %s', ([body, wanted]) => expect(() => parseCounterAck(body)).toThrow(code(wanted)))
})

describe('the sources', () => {
  test('are contributions by stream and subject', () => {
    const sources = parseCounterSources('{"EU":{"eu.visits":"100","eu.more":"-1"},"US":{}}')
    expect(sources).toEqual(
      new Map([
        [
          'EU',
          new Map([
            ['eu.visits', 100n],
            ['eu.more', -1n],
          ]),
        ],
        ['US', new Map()],
      ]),
    )
  })

  test('are none without a header', () => expect(parseCounterSources(undefined)).toEqual(new Map()))

  test('may have any name', () => {
    const sources = parseCounterSources('{"__proto__":{"constructor":"1"}}')
    expect(sources.get('__proto__')?.get('constructor')).toBe(1n)
  })

  test.for([
    '',
    'x',
    '[]',
    '1',
    '{"EU":"100"}',
    '{"EU":["1"]}',
    '{"EU":{"eu.visits":100}}',
    '{"EU":{"eu.visits":"x"}}',
  ])('in "%s" are invalid', (header) => expect(() => parseCounterSources(header)).toThrow(code('INVALID_SOURCES')))
})

describe('the increment', () => {
  test.for([
    ['5', 5n],
    ['+5', 5n],
    ['-5', -5n],
    ['0', 0n],
  ] as const)('of %s is read', ([header, value]) => expect(parseCounterIncrement(header)).toBe(value))

  test.for([undefined, '', '1.5', 'x', '--1'])('of %s is none', (header) =>
    expect(() => parseCounterIncrement(header)).toThrow(code('INVALID_COUNTER_VALUE')),
  )
})
