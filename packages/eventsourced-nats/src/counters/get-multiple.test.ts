import { expect, test } from 'vitest'
import { setting, type Setting } from './counters.test.fixture.js'

/** What a read gives, value by subject, the stream's name left out; fails if a subject comes twice. */
async function valuesOf({ counters, stream }: Setting, filters: readonly string[]): Promise<Map<string, bigint>> {
  const values = new Map<string, bigint>()
  for await (const { subject, value } of counters.getMultiple(filters.map((filter) => `${stream}.${filter}`))) {
    const name = subject.slice(stream.length + 1)
    if (values.has(name)) throw new Error(`${name} came twice`)
    values.set(name, value)
  }
  return values
}

async function addAll({ counters, stream }: Setting, names: readonly string[]): Promise<Map<string, bigint>> {
  await Promise.all(names.map((name, index) => counters.add(`${stream}.${name}`, index)))
  return new Map(names.map((name, index) => [name, BigInt(index)]))
}

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}.${index}`)

test('subjects and wildcards are read at once, missing ones passed over, each once', async () => {
  const given = await setting()
  await addAll(given, ['a.1', 'a.2', 'b.1', 'b.2', 'c'])
  await given.counters.add(`${given.stream}.a.2`, 10)
  const values = await valuesOf(given, ['a.*', 'a.2', 'b.2', 'missing', 'missing.*'])
  expect(values).toEqual(
    new Map([
      ['a.1', 0n],
      ['a.2', 11n],
      ['b.2', 3n],
    ]),
  )
  expect(await valuesOf(given, ['missing'])).toEqual(new Map())
})

test('one subject may be given as it is', async () => {
  const { counters, stream } = await setting()
  await counters.add(`${stream}.a`, 5)
  const entries = []
  for await (const entry of counters.getMultiple(`${stream}.a`)) entries.push(entry)
  expect(entries).toMatchObject([{ subject: `${stream}.a`, value: 5n, increment: 5n, sequence: 1 }])
})

test('more match than the server answers at once: all come', async () => {
  const given = await setting()
  const many = await addAll(given, [...numbered('many', 2_500), ...numbered('few', 3)])
  expect(await valuesOf(given, ['>'])).toEqual(many)
  expect(await valuesOf(given, ['many.*', 'few.1', 'many.7', '*.2', 'missing'])).toEqual(
    new Map([...many].filter(([name]) => name.startsWith('many') || name === 'few.1' || name === 'few.2')),
  )
})

test('more are asked for by name than the server takes at once: all come', async () => {
  const given = await setting()
  const many = await addAll(given, numbered('many', 1_500))
  expect(await valuesOf(given, [...numbered('missing', 1_000), ...many.keys()])).toEqual(many)
})

test('values too large for one page come over several', async () => {
  const given = await setting()
  const names = numbered('large', 50)
  const large = 10n ** 60_000n
  await Promise.all(names.map((name) => given.counters.add(`${given.stream}.${name}`, large)))
  const values = await valuesOf(given, ['>'])
  expect([...values.keys()].toSorted()).toEqual(names.toSorted())
  expect([...values.values()].every((value) => value === large)).toBe(true)
})

test.for([
  ['no subjects', []],
  ['an empty subject', ['']],
  ['an empty one among others', ['a', '']],
  ['a wildcard inside of a token', ['a.b*']],
  ['what comes behind >', ['>.a']],
] as const)('%s are refused at once', async ([, subjects]) => {
  const { counters } = await setting()
  expect(() => counters.getMultiple(subjects)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})

test('a read ends with its signal, throwing the reason', async () => {
  const given = await setting()
  await addAll(given, numbered('a', 3))
  const stop = new AbortController()
  const reason = new Error('enough')
  const reading = (async () => {
    for await (const _ of given.counters.getMultiple('>', { signal: stop.signal })) stop.abort(reason)
  })()
  await expect(reading).rejects.toBe(reason)
})

test('a read ends when the counters are closed, and says so', async () => {
  const given = await setting()
  await addAll(given, numbered('a', 3))
  const reading = (async () => {
    for await (const _ of given.counters.getMultiple('>')) await given.counters.close()
  })()
  await expect(reading).rejects.toMatchObject({ code: 'CLOSED' })
})
