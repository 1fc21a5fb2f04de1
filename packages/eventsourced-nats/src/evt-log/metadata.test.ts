import { randomBytes } from 'node:crypto'
import { MAX_METADATA_CHARS } from 'eventsourced'
import { describe, expect, test } from 'vitest'
import { fieldsIn } from '../wire/header-block.js'
import { metadataLines, metadataOf } from './metadata.js'

const MAX_HEADER_BYTES = 65_535

describe('metadata that is as long as it may be comes back, and fits the server’s headers', () => {
  const long = (char: (index: number) => string) => ({
    k: Array.from({ length: MAX_METADATA_CHARS - 1 }, (_, index) => char(index)).join(''),
  })
  test.for([
    { of: 'letters', metadata: long(() => 'x') },
    { of: 'quotes', metadata: long(() => '"') },
    { of: 'control characters', metadata: long((index) => String.fromCharCode(1 + ((index * 7) % 31))) },
    {
      of: 'characters of all the world',
      metadata: long((index) => String.fromCharCode(0x100 + ((index * 7919) % 0xd000))),
    },
    {
      of: 'characters of all the world, and all that the library adds,',
      metadata: {
        ...long((index) => String.fromCharCode(0x100 + ((index * 7919) % 0xd000))),
        'es-cmd-id': randomBytes(64).toString('hex'),
        'es-cmd-reply': randomBytes(8_192).toString('base64'),
        tracestate: randomBytes(384).toString('base64'),
      },
    },
    {
      of: 'many names',
      metadata: Object.fromEntries(
        Array.from({ length: MAX_METADATA_CHARS / 2 }, (_, index) => [String.fromCharCode(0x4e00 + index), 'v']),
      ),
    },
  ])('of $of', ({ metadata }) => {
    const lines = metadataLines(metadata)
    expect(lines.length).toBeLessThan(MAX_HEADER_BYTES - 1_024)
    expect(lines).toMatch(/^[\u0020-\u007e\r\n]*$/)
    const fields = fieldsIn(`NATS/1.0\r\n${lines}\r\n`)
    expect(metadataOf(fields.get('Es-Metadata'), fields.get('Es-Metadata-Deflated'))).toEqual(metadata)
  })
})

test('no metadata makes no header', () => {
  expect(metadataLines({})).toBe('')
  expect(metadataOf(undefined, undefined)).toEqual({})
})

test('a trace’s parent stands in its own header too, if it is one', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(metadataLines({ traceparent })).toBe(
    `Es-Metadata: {"traceparent":"${traceparent}"}\r\ntraceparent: ${traceparent}\r\n`,
  )
  expect(metadataLines({ traceparent: 'x\r\nNats-Rollup: all' })).toBe(
    'Es-Metadata: {"traceparent":"x\\r\\nNats-Rollup: all"}\r\n',
  )
})
