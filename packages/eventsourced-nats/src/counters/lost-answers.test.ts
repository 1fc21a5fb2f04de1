import { type Direction, type Fate, startNatsServer, startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connected, history, newName, opened, setting as plainSetting } from './counters.test.fixture.js'
import type { CounterError, Counters, CountersConfig } from './index.js'

interface Setting {
  readonly counters: Counters
  /** The same counters, by a way of their own. */
  readonly another: Counters
  readonly proxy: TcpProxy
  readonly subject: string
  /** What each add has left. */
  readonly stored: () => Promise<string[]>
}

async function setting(config: Partial<CountersConfig> = {}, timeout = 10_000): Promise<Setting> {
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const { connection, stream, counters: another } = await plainSetting(config)
  const behind = await connected(`127.0.0.1:${proxy.port}`)
  const counters = await opened(behind, stream, { replyTimeout: 200, timeout })
  const subject = `${stream}.a`
  await counters.add(subject, 100)
  return { counters, another, proxy, subject, stored: () => history(connection, stream, subject) }
}

/** Breaks the first piece of bytes for which `isIt` holds, once; then `andThen` happens. */
function breakOnce(proxy: TcpProxy, fate: Fate, isIt: typeof isAck, andThen = () => {}): void {
  let isDone = false
  proxy.rule((bytes, direction) => {
    if (isDone || !isIt(bytes.toString('latin1'), direction)) return 'pass'
    isDone = true
    andThen()
    return fate
  })
}

const isAck = (text: string, direction: Direction) => direction === 'answer' && text.includes('"seq":')
const isAdd = (text: string, direction: Direction) => direction === 'request' && text.includes('Nats-Incr')

test.for<{ name: string; fate: Fate; isIt: typeof isAck }>([
  { name: 'the answer is lost', fate: 'drop', isIt: isAck },
  { name: 'the connection is cut after the server counted it', fate: 'cut', isIt: isAck },
  { name: 'the connection is cut before the server got it', fate: 'cut', isIt: isAdd },
  { name: 'the request is lost', fate: 'drop', isIt: isAdd },
])('$name: it counts once, and is answered with the value after it', async ({ fate, isIt }) => {
  const { counters, proxy, subject, stored } = await setting()
  breakOnce(proxy, fate, isIt)
  expect(await counters.add(subject, 5)).toBe(105n)
  expect(await stored()).toEqual(['{"val":"100"}', '{"val":"105"}'])
})

test('the answer is lost and others add meanwhile: it is answered with the value after it, not the present one', async () => {
  const { counters, another, proxy, subject } = await setting()
  const others: Promise<bigint>[] = []
  breakOnce(proxy, 'drop', isAck, () => others.push(another.add(subject, 1_000)))
  expect(await counters.add(subject, 5)).toBe(105n)
  expect(await Promise.all(others)).toEqual([1_105n])
  expect(await another.load(subject)).toBe(1_105n)
})

test('of many adds on their way when the connection is cut each counts once', async () => {
  const { counters, another, proxy, subject, stored } = await setting()
  const cutting = (async () => {
    for (let count = 0; count < 3; count++) {
      await expect.poll(() => proxy.connections, { interval: 5 }).toBe(1)
      proxy.cut()
    }
  })()
  const values: bigint[] = []
  const adding = Array.from({ length: 50 }, async () => {
    for (let count = 0; count < 20; count++) values.push(await counters.add(subject, 1))
  })
  await Promise.all([...adding, cutting])
  expect(await another.load(subject)).toBe(1_100n)
  const wanted = Array.from({ length: 1_000 }, (_, index) => `{"val":"${index + 101}"}`)
  expect(await stored()).toEqual(['{"val":"100"}', ...wanted])
  expect(values.map((value) => `{"val":"${value}"}`).toSorted()).toEqual(wanted.toSorted())
})

test('no answer comes in time: it is uncertain, and the same add with the same id counts once', async () => {
  const { counters, proxy, subject, stored } = await setting({}, 600)
  proxy.rule((_bytes, direction) => (direction === 'answer' ? 'drop' : 'pass'))
  await expect(counters.add(subject, 5, { id: 'once' })).rejects.toMatchObject({ code: 'UNCERTAIN' })
  proxy.rule()
  expect(await counters.add(subject, 5, { id: 'once' })).toBe(105n)
  expect(await stored()).toEqual(['{"val":"100"}', '{"val":"105"}'])
})

test('no connection comes in time: nothing is counted, and that is said', async () => {
  const { counters, proxy, subject, stored } = await setting({}, 600)
  await proxy.refuse()
  proxy.cut()
  // Only once the loss is noticed can it be certain that nothing was sent.
  await counters.load(subject).catch(() => undefined)
  const failure = await counters.add(subject, 5).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'PUBLISH', cause: { code: 'UNAVAILABLE' } })
  expect(await stored()).toEqual(['{"val":"100"}'])
})

describe('where the server may have forgotten the add, it is not sent again:', () => {
  async function failureOf(adding: Promise<unknown>): Promise<string> {
    const failure = await adding.then(String, (error: CounterError) => error)
    expect(failure).toMatchObject({ code: 'UNCERTAIN' })
    return String(failure)
  }

  test('the duplicate window is as good as over', async () => {
    const { counters, proxy, subject, stored } = await setting({ duplicateWindow: 100 })
    breakOnce(proxy, 'drop', isAck)
    expect(await failureOf(counters.add(subject, 5))).toContain('duplicate window')
    expect(await stored()).toEqual(['{"val":"100"}', '{"val":"105"}'])
  })

  test('the window was shortened since', async () => {
    const { counters, another, proxy, subject, stored } = await setting()
    const manager = await (await connected()).jetstreamManager()
    breakOnce(proxy, 'drop', isAck)
    await manager.streams.update(another.stream, { duplicate_window: 100_000_000 })
    expect(await failureOf(counters.add(subject, 5))).toContain('duplicate window')
    expect(await stored()).toEqual(['{"val":"100"}', '{"val":"105"}'])
  })

  test('the history of the counter is full', async () => {
    const { counters, another, proxy, subject } = await setting({ history: 2 })
    breakOnce(proxy, 'drop', isAck)
    expect(await failureOf(counters.add(subject, 5))).toContain('2 adds')
    expect(await another.load(subject)).toBe(105n)
  })
})

test('the history of the counter is limited but not full: it counts once', async () => {
  const { counters, proxy, subject, stored } = await setting({ history: 10 })
  breakOnce(proxy, 'drop', isAck)
  expect(await counters.add(subject, 5)).toBe(105n)
  expect(await stored()).toEqual(['{"val":"100"}', '{"val":"105"}'])
})

test('the server is killed before its answer arrives, and knows the add again', async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const proxy = await startTcpProxy({ port: server.port })
  onTestFinished(() => proxy.close())
  const stream = newName()
  const { counters: another } = await plainSetting({ stream }, server.url)
  const counters = await opened(await connected(`127.0.0.1:${proxy.port}`), stream, { replyTimeout: 500 })
  await counters.add(`${stream}.a`, 100)
  breakOnce(proxy, 'drop', isAck)
  const adding = counters.add(`${stream}.a`, 5)
  await expect.poll(() => another.load(`${stream}.a`), { interval: 5 }).toBe(105n)
  await server.kill()
  await server.start()
  expect(await adding).toBe(105n)
  expect(await another.load(`${stream}.a`)).toBe(105n)
})
