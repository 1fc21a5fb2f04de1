import { ConflictError, UnavailableError, UncertainError } from 'eventsourced'
import { type Direction, type Fate, startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  failureOf,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  textOf,
  texts,
  ZERO,
} from '../../evt-log.test.fixture.js'
import type { NatsEvtLog } from '../nats-evt-log.js'

const SINGLE = [[newEvt()]]
const BATCH = [[newEvt(), newEvt(), newEvt()]]

interface Setting {
  readonly log: NatsEvtLog
  /** Another log on the same stream, by a way of its own. */
  readonly another: NatsEvtLog
  readonly proxy: TcpProxy
  /** What the first one has warned of. */
  readonly warnings: readonly string[]
}

async function setting({ timeout = 10_000, replyTimeout = 200 } = {}): Promise<Setting> {
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const stream = newStream()
  const another = await openLog({ servers: testNats(), stream, setup: true })
  const warnings: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
  const log = await openLog({ servers: `127.0.0.1:${proxy.port}`, stream, replyTimeout, timeout, logger })
  // What the log asks for first, the subject of its answers, is none of the tests' business.
  await log.head(newKey())
  return { log, another, proxy, warnings }
}

/** Breaks the first piece of bytes for which `isIt` holds, once. */
function breakOnce(proxy: TcpProxy, fate: Fate, isIt: (text: string, direction: Direction) => boolean): void {
  let isDone = false
  proxy.rule((bytes, direction) => {
    if (isDone || !isIt(bytes.toString('latin1'), direction)) return 'pass'
    isDone = true
    return fate
  })
}

const isAck = (text: string, direction: Direction) => direction === 'answer' && text.includes('"seq":')
const isAppend = (text: string, direction: Direction) => direction === 'request' && text.includes('Es-Append-Id')

describe.each([
  { what: 'a single event', groups: SINGLE },
  { what: 'a batch', groups: BATCH },
])('of $what', ({ groups }) => {
  const expected = groups.flat().map(textOf)

  test.for<{ name: string; fate: Fate; isIt: typeof isAck }>([
    { name: 'the answer is lost', fate: 'drop', isIt: isAck },
    { name: 'the connection is cut after the server stored it', fate: 'cut', isIt: isAck },
    { name: 'the connection is cut before the server got it', fate: 'cut', isIt: isAppend },
    { name: 'the request is lost', fate: 'drop', isIt: isAppend },
  ])('$name: it is stored once, and acknowledged', async ({ fate, isIt }) => {
    const { log, another, proxy } = await setting()
    const key = newKey()
    breakOnce(proxy, fate, isIt)
    const persisted = await log.persist(newAppend(key, ZERO, groups))
    expect(persisted.head.seqNo).toBe(expected.length)
    expect(await texts(another, key)).toEqual(expected)
    expect(await another.head(key)).toMatchObject(persisted.head)
  })

  test.for<[what: string, isIt: typeof isAck]>([
    ['the answer', isAck],
    ['the request', isAppend],
  ])('%s comes after the time for it is over: it is stored once, and acknowledged', async ([, isIt]) => {
    const { log, another, proxy, warnings } = await setting()
    const key = newKey()
    breakOnce(proxy, 'hold', isIt)
    const persisting = log.persist(newAppend(key, ZERO, groups))
    await expect.poll(() => warnings.join('')).toContain('may be stored or not')
    proxy.rule()
    expect((await persisting).head.seqNo).toBe(expected.length)
    expect(await texts(another, key)).toEqual(expected)
  })

  test('the request is lost and another writer is first: it is a conflict', async () => {
    const { log, another, proxy } = await setting()
    const key = newKey()
    breakOnce(proxy, 'drop', isAppend)
    const persisting = failureOf(log.persist(newAppend(key, ZERO, groups)))
    const winner = newEvt()
    await another.persist(newAppend(key, ZERO, [[winner]]))
    expect(await persisting).toBeInstanceOf(ConflictError)
    expect(await texts(another, key)).toEqual([textOf(winner)])
  })

  test('no answer comes in time: it is uncertain, and known again when it is sent again', async () => {
    const { log, another, proxy } = await setting({ timeout: 600 })
    const key = newKey()
    const append = newAppend(key, ZERO, groups)
    proxy.rule((_bytes, direction) => (direction === 'answer' ? 'drop' : 'pass'))
    expect(await failureOf(log.persist(append))).toBeInstanceOf(UncertainError)
    proxy.rule()
    const persisted = await log.persist(append)
    expect(await texts(another, key)).toEqual(expected)
    expect(await another.head(key)).toMatchObject(persisted.head)
  })

  test('no connection comes in time: it is unavailable, and nothing is stored', async () => {
    const { log, another, proxy } = await setting({ timeout: 600 })
    const key = newKey()
    await proxy.refuse()
    proxy.cut()
    // Only once the log has noticed can it be certain that it has sent nothing.
    await failureOf(log.head(key))
    const append = newAppend(key, ZERO, groups)
    expect(await failureOf(log.persist(append))).toBeInstanceOf(UnavailableError)
    expect(await texts(another, key)).toEqual([])
    await proxy.accept()
    await expect.poll(() => log.persist(append).catch(() => undefined), { timeout: 10_000 }).toBeDefined()
    expect(await texts(another, key)).toEqual(expected)
  })
})

test('of a batch that is cut in its middle nothing is stored but by the next try, which stores it once', async () => {
  const { log, another, proxy } = await setting()
  const key = newKey()
  const large = [1, 2, 3].map((n) => newEvt({ bytes: Buffer.alloc(300_000, n) }))
  const went: string[] = []
  breakOnce(proxy, 'cut', (text, direction) => {
    const isEnd = direction === 'request' && text.includes('Nats-Batch-Commit')
    if (direction === 'request' && !isEnd) went.push(text)
    return isEnd
  })
  expect((await log.persist(newAppend(key, ZERO, [large]))).head.seqNo).toBe(3)
  expect(went.join('')).toContain('Nats-Batch-Sequence: 2')
  expect(await texts(another, key)).toEqual(large.map(textOf))
})

test('a batch whose answer is lost holds no smaller one up', async () => {
  const { log, another, proxy } = await setting({ timeout: 60_000, replyTimeout: 30_000 })
  const [first, second] = [newKey(), newKey()]
  const answers: boolean[] = []
  breakOnce(proxy, 'drop', (text, direction) => {
    if (isAck(text, direction)) answers.push(true)
    return isAck(text, direction)
  })
  const lost = log.persist(newAppend(first, ZERO, [[newEvt(), newEvt(), newEvt()]]))
  await expect.poll(() => answers.length).toBe(1)
  expect(await log.persist(newAppend(second, ZERO, [[newEvt(), newEvt()]]))).toMatchObject({ groups: 1 })
  expect(await Promise.race([lost.then(() => 'answered'), another.head(second).then(() => 'waiting')])).toBe('waiting')
  proxy.cut()
  expect((await lost).head.seqNo).toBe(3)
})

test('of appends that wait for their answers when the connection is cut each is stored once', async () => {
  const { log, another, proxy } = await setting()
  const keys = Array.from({ length: 200 }, () => newKey())
  const cut = (async () => {
    for (let count = 0; count < 3; count++) {
      await expect.poll(() => proxy.connections, { interval: 5 }).toBe(1)
      proxy.cut()
    }
  })()
  const rounds = await Promise.all(
    keys.map(async (key, index) => {
      let head = ZERO
      const sent = []
      for (let round = 0; round < 5; round++) {
        const group = index % 2 === 0 ? [newEvt()] : [newEvt(), newEvt()]
        sent.push(...group.map(textOf))
        head = (await log.persist(newAppend(key, head, [group]))).head
      }
      return { key, sent }
    }),
  )
  await cut
  for (const { key, sent } of rounds) expect(await texts(another, key)).toEqual(sent)
})
