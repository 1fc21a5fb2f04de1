import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { byteaArray, int2Array, int4Array, int8Array, jsonbArray, textArray, uuidArray } from './binary-array.js'

let client: Client

beforeAll(async () => {
  client = new Client(await testPostgres())
  await client.connect()
})
afterAll(() => client.end())

const UUIDS = [
  '00000000-0000-0000-0000-000000000000',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
]
const TEXTS = ['', 'a', 'NULL', '"quoted", {braced} and \\', 'ünï cödé 漢 🐘', 'x'.repeat(70_000)]
const NUMBERS = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]

test.each<[type: string, array: Buffer, texts: (string | null)[]]>([
  ['smallint', int2Array([0, 1, 63, 32_767]), ['0', '1', '63', '32767']],
  ['integer', int4Array([0, 1, 2 ** 31 - 1]), ['0', '1', '2147483647']],
  ['bigint', int8Array(NUMBERS), NUMBERS.map(String)],
  ['bigint', int8Array([undefined, 7, undefined]), [null, '7', null]],
  ['uuid', uuidArray(UUIDS), UUIDS],
  ['text', textArray(TEXTS), TEXTS],
  ['jsonb', jsonbArray(['{"a": "漢"}', undefined, '{}']), ['{"a": "漢"}', null, '{}']],
  [
    'bytea',
    byteaArray([new Uint8Array(), Uint8Array.of(0, 255), Buffer.from('abc').subarray(1)]),
    ['\\x', '\\x00ff', '\\x6263'],
  ],
])('PostgreSQL reads a binary %s[] as it was meant', async (type, array, texts) => {
  const text = `SELECT element::text FROM unnest($1::${type}[]) WITH ORDINALITY AS of (element, nth) ORDER BY nth`
  const { rows } = await client.query<{ element: string | null }>(text, [array])
  expect(rows.map(({ element }) => element)).toEqual(texts)
})
