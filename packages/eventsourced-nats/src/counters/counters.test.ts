import { testNats } from 'eventsourced-tools/vitest'
import { DiscardPolicy, headers, type StreamConfig } from 'nats'
import { describe, expect, test, vi } from 'vitest'
import { connected, created, history, newName, opened, setting } from './counters.test.fixture.js'
import { CounterError, Counters, type CountersConfig, type CountersOptions, hasCounterCode } from './index.js'

describe('adding', () => {
  test('answers with the value after it', async () => {
    const { counters, stream } = await setting()
    expect(await counters.add(`${stream}.a`, 5n)).toBe(5n)
    expect(await counters.add(`${stream}.a`, -15)).toBe(-10n)
    expect(await counters.increment(`${stream}.a`)).toBe(-9n)
    expect(await counters.decrement(`${stream}.a`)).toBe(-10n)
    expect(await counters.add(`${stream}.b`, 0)).toBe(0n)
    expect(await counters.load(`${stream}.a`)).toBe(-10n)
  })

  test('knows no limit of size', async () => {
    const { counters, stream } = await setting()
    const large = 10n ** 10_000n
    expect(await counters.add(`${stream}.a`, large)).toBe(large)
    expect(await counters.add(`${stream}.a`, 1)).toBe(large + 1n)
    expect(await counters.load(`${stream}.a`)).toBe(large + 1n)
    expect(await counters.add(`${stream}.a`, -2n * large)).toBe(1n - large)
  })

  test('refuses what is larger than the server takes, and counts nothing', async () => {
    const { counters, stream } = await setting()
    const failure = await counters.add(`${stream}.a`, 10n ** 70_000n).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'PUBLISH', cause: { code: 'REFUSED', reason: 'too-large' } })
    await expect(counters.load(`${stream}.a`)).rejects.toMatchObject({ code: 'NO_COUNTER_FOR_SUBJECT' })
  })

  test('by many at once loses none', async () => {
    const { counters, stream, connection } = await setting()
    const another = await opened(connection, stream)
    const values = await Promise.all(
      Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? counters : another).add(`${stream}.a`, 3)),
    )
    const wanted = Array.from({ length: 500 }, (_, index) => BigInt(3 * (index + 1)))
    expect(values.toSorted((one, other) => Number(one - other))).toEqual(wanted)
    expect(await counters.load(`${stream}.a`)).toBe(1_500n)
  })

  test('works on subjects that are not ASCII', async () => {
    const { counters, stream } = await setting()
    expect(await counters.add(`${stream}.bücher`, 5, { id: '1' })).toBe(5n)
    expect(await counters.add(`${stream}.bücher`, 5, { id: '1' })).toBe(5n)
    expect(await counters.get(`${stream}.bücher`)).toMatchObject({ subject: `${stream}.bücher`, value: 5n, id: '1' })
  })

  test.for([
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['infinity', Infinity],
    ['more than is safe', Number.MAX_SAFE_INTEGER + 1],
  ] as const)('of %s is refused at once', async ([, delta]) => {
    const { counters, stream, connection } = await setting()
    await expect(counters.add(`${stream}.a`, delta)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    expect(await history(connection, stream, `${stream}.a`)).toEqual([])
  })

  test.for(['', '.', 'a.', '.a', 'a..b', 'a b', '*', 'a.*', 'a.>', 'a.b*', 'a\r\nb'])(
    'to the subject "%s" is refused at once',
    async (subject) => {
      const { counters } = await setting()
      await expect(counters.add(subject, 1)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
      await expect(counters.load(subject)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    },
  )

  test("to another stream's subject is refused, and not counted there", async () => {
    const { counters } = await setting()
    const other = await setting()
    await expect(counters.add(`${other.stream}.a`, 1)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(other.counters.load(`${other.stream}.a`)).rejects.toMatchObject({ code: 'NO_COUNTER_FOR_SUBJECT' })
  })

  test('works on a subject that the stream was given later', async () => {
    const { counters, stream, connection } = await setting()
    const manager = await connection.jetstreamManager()
    await manager.streams.update(stream, { subjects: [`${stream}.>`, `${stream}-later`] })
    expect(await counters.add(`${stream}-later`, 1)).toBe(1n)
  })
})

describe('an id', () => {
  test('makes an add count once, with the value after it, whatever was added since', async () => {
    const { counters, stream, connection } = await setting()
    expect(await counters.add(`${stream}.a`, 5, { id: 'order-1' })).toBe(5n)
    expect(await counters.add(`${stream}.a`, 2, { id: 'order-2' })).toBe(7n)
    const another = await opened(connection, stream)
    expect(await another.add(`${stream}.a`, 5, { id: 'order-1' })).toBe(5n)
    expect(await counters.load(`${stream}.a`)).toBe(7n)
  })

  test("is a counter's own", async () => {
    const { counters, stream } = await setting()
    expect(await counters.add(`${stream}.a`, 5, { id: '1' })).toBe(5n)
    expect(await counters.add(`${stream}.b`, 3, { id: '1' })).toBe(3n)
  })

  test('of another add is refused', async () => {
    const { counters, stream } = await setting()
    await counters.add(`${stream}.a`, 5, { id: '1' })
    await expect(counters.add(`${stream}.a`, 6, { id: '1' })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    expect(await counters.load(`${stream}.a`)).toBe(5n)
  })

  test('whose add is not kept any more still counts once, and gives the value as it is now', async () => {
    const { counters, stream } = await setting({ history: 1 })
    await counters.add(`${stream}.a`, 5, { id: '1' })
    await counters.add(`${stream}.a`, 2)
    expect(await counters.add(`${stream}.a`, 5, { id: '1' })).toBe(7n)
    expect(await counters.load(`${stream}.a`)).toBe(7n)
  })

  test('of the last add is told by its entry', async () => {
    const { counters, stream } = await setting()
    await counters.add(`${stream}.a`, 5, { id: 'position-17' })
    expect((await counters.get(`${stream}.a`)).id).toBe('position-17')
    await counters.add(`${stream}.a`, 5)
    expect((await counters.get(`${stream}.a`)).id).toBeUndefined()
  })

  test.for(['', 'a b', 'a\r\nNats-Incr: 7', 'ü', 'x'.repeat(129)])('of "%s" is refused at once', async (id) => {
    const { counters, stream } = await setting()
    await expect(counters.add(`${stream}.a`, 1, { id })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})

describe('reading', () => {
  test('tells value, last increment and where it stands', async () => {
    const { counters, stream } = await setting()
    await counters.add(`${stream}.a`, 5)
    await counters.add(`${stream}.b`, 1)
    await counters.add(`${stream}.a`, -7n)
    const entry = await counters.get(`${stream}.a`)
    expect(entry).toMatchObject({ subject: `${stream}.a`, value: -2n, increment: -7n, sequence: 3, sources: new Map() })
    expect(entry.time.getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  test('fails for a counter that nothing was added to', async () => {
    const { counters, stream } = await setting()
    await expect(counters.load(`${stream}.a`)).rejects.toMatchObject({ code: 'NO_COUNTER_FOR_SUBJECT' })
    await expect(counters.get(`${stream}.a`)).rejects.toMatchObject({ code: 'NO_COUNTER_FOR_SUBJECT' })
    await expect(counters.reset(`${stream}.a`)).rejects.toMatchObject({ code: 'NO_COUNTER_FOR_SUBJECT' })
  })
})

test('a reset takes away the value, and leaves what is added meanwhile', async () => {
  const { counters, stream } = await setting()
  await counters.add(`${stream}.a`, 5)
  expect(await counters.reset(`${stream}.a`)).toBe(5n)
  expect(await counters.load(`${stream}.a`)).toBe(0n)
  expect(await counters.reset(`${stream}.a`)).toBe(0n)
  await counters.add(`${stream}.a`, 5)
  const [taken] = await Promise.all([counters.reset(`${stream}.a`), counters.add(`${stream}.a`, 3)])
  expect(await counters.load(`${stream}.a`)).toBe(8n - taken)
})

describe('opening', () => {
  async function streamWith(config: Partial<StreamConfig> & { allow_msg_counter?: boolean }) {
    const connection = await connected()
    const manager = await connection.jetstreamManager()
    const stream = newName()
    await manager.streams.add({ name: stream, subjects: [`${stream}.>`], ...config })
    return { connection, stream }
  }

  test('takes a stream of counters that somebody else created', async () => {
    const { connection, stream } = await streamWith({ allow_msg_counter: true, allow_direct: true })
    const fields = headers()
    fields.set('Nats-Incr', '5')
    await connection.request(`${stream}.a`, '', { headers: fields, timeout: 5_000 })
    const counters = await opened(connection, stream)
    expect(counters.stream).toBe(stream)
    expect(await counters.add(`${stream}.a`, 1)).toBe(6n)
  })

  test('refuses a stream without counters', async () => {
    const { connection, stream } = await streamWith({ allow_direct: true })
    await expect(Counters.open(connection, stream)).rejects.toMatchObject({ code: 'COUNTER_NOT_ENABLED' })
  })

  test('refuses a stream without direct access', async () => {
    const { connection, stream } = await streamWith({ allow_msg_counter: true, allow_direct: false })
    await expect(Counters.open(connection, stream)).rejects.toMatchObject({ code: 'DIRECT_ACCESS_REQUIRED' })
  })

  test('refuses a stream that is missing', async () => {
    await expect(Counters.open(await connected(), newName())).rejects.toMatchObject({ code: 'STREAM' })
  })

  test('refuses a server that is too old, by its version', async () => {
    const connection = await connected()
    vi.spyOn(connection, 'info', 'get').mockReturnValue(connection.info && { ...connection.info, version: '2.11.4' })
    const failure = await Counters.open(connection, newName()).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CounterError)
    expect(failure).toMatchObject({ code: 'INVALID_INPUT' })
    expect(String(failure)).toMatch(/nats-server 2\.11\.4.*expected nats-server 2\.12\.12 or later/)
  })

  test.for(['', 'a.b', 'a b', '*'])('refuses the name "%s"', async (stream) => {
    await expect(Counters.open(await connected(), stream)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  test('refuses options that nobody knows, or that are wrong', async () => {
    const { connection, stream } = await setting()
    const misspelt: CountersOptions = Object.assign({ timeout: 1_000 }, { timeOut: 1_000 })
    await expect(Counters.open(connection, stream, misspelt)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(Counters.open(connection, stream, { timeout: 0 })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  test('warns where idle counters are removed', async () => {
    const { connection, stream } = await streamWith({ allow_msg_counter: true, allow_direct: true, max_msgs: 10 })
    const { default: pino } = await import('pino')
    const lines: string[] = []
    await opened(connection, stream, { logger: pino({}, { write: (line) => void lines.push(line) }) })
    expect(lines.join('')).toContain('max_msgs')
  })
})

describe('creating', () => {
  test('may be repeated', async () => {
    const { connection, stream, counters } = await setting()
    await counters.add(`${stream}.a`, 5)
    const again = await created(connection, { stream, subjects: [`${stream}.>`], duplicateWindow: 60_000 })
    expect(await again.load(`${stream}.a`)).toBe(5n)
  })

  test('at once by several creates one', async () => {
    const connection = await connected()
    const stream = newName()
    const config = { stream, subjects: [`${stream}.>`] }
    const all = await Promise.all(Array.from({ length: 5 }, () => created(connection, config)))
    await Promise.all(all.map((counters) => counters.increment(`${stream}.a`)))
    expect(await all[0]?.load(`${stream}.a`)).toBe(5n)
  })

  test('refuses a stream that counts something else', async () => {
    const { connection, stream } = await setting()
    const config = { stream, subjects: [`${stream}.other`] }
    await expect(Counters.create(connection, config)).rejects.toMatchObject({ code: 'STREAM' })
  })

  test('refuses a stream that is there and keeps no counters', async () => {
    const connection = await connected()
    const manager = await connection.jetstreamManager()
    const stream = newName()
    await manager.streams.add({ name: stream, subjects: [`${stream}.>`], discard: DiscardPolicy.New })
    const config = { stream, subjects: [`${stream}.>`] }
    await expect(Counters.create(connection, config)).rejects.toMatchObject({ code: 'COUNTER_NOT_ENABLED' })
  })

  test('refuses subjects that another stream has', async () => {
    const { connection, stream } = await setting()
    const config = { stream: newName(), subjects: [`${stream}.a`] }
    await expect(Counters.create(connection, config)).rejects.toMatchObject({ code: 'STREAM' })
  })

  test.for([
    ['nothing to count', {}],
    ['no list of sources', { subjects: ['a'], sources: 'EU' }],
    ['a source without a name', { sources: [{}] }],
    ['a subject with a space', { subjects: ['a b'] }],
    ['half a replica', { subjects: ['a'], replicas: 0.5 }],
    ['no history', { subjects: ['a'], history: 0 }],
    ['a misspelt setting', { subjects: ['a'], replica: 1 }],
  ] as const)('refuses %s', async ([, config]) => {
    const connection = await connected()
    // Wrong on purpose, as from JavaScript.
    const wrong: CountersConfig = JSON.parse(JSON.stringify({ stream: newName(), ...config }))
    await expect(Counters.create(connection, wrong)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })
})

describe('closing', () => {
  test('finishes what was accepted, refuses what comes later, and leaves the connection open', async () => {
    const { connection, stream, counters } = await setting()
    const adding = counters.add(`${stream}.a`, 5)
    await counters.close()
    expect(await adding).toBe(5n)
    const failure = await counters.add(`${stream}.a`, 5).catch((error: unknown) => error)
    expect(hasCounterCode(failure, 'CLOSED')).toBe(true)
    expect(hasCounterCode(failure, 'PUBLISH')).toBe(false)
    await expect(counters.load(`${stream}.a`)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => counters.getMultiple('>')).toThrow(CounterError)
    expect(await (await opened(connection, stream)).load(`${stream}.a`)).toBe(5n)
    expect(testNats()).toContain(String(connection.info?.port))
  })
})
