import { randomUUID } from 'node:crypto'
import { type Append, appendIds, type EntityKey, type Head, type NewEvt, type PersistedEvt } from 'eventsourced'
import { type NatsConnection, nuid } from 'nats'
import { onTestFinished } from 'vitest'
import { NatsEvtLog, type NatsEvtLogConfig } from './index.js'

export const ZERO: Head = { seqNo: 0, position: 0 }

export function newKey(typeName = 'counter'): EntityKey {
  return { typeName, id: randomUUID() }
}

export function newStream(): string {
  return `test-${nuid.next()}`
}

export function newEvt(over: Partial<NewEvt> = {}): NewEvt {
  return { type: 'Increased', version: 1, bytes: Buffer.from(randomUUID()), metadata: {}, ...over }
}

export function newAppend(
  key: EntityKey,
  expected: Head = ZERO,
  groups: readonly (readonly NewEvt[])[] = [[newEvt()]],
): Append {
  return { key, expected, appendId: appendIds()(), groups }
}

/** Opens a log that is closed when the test ends. */
export async function openLog(config: NatsEvtLogConfig): Promise<NatsEvtLog> {
  const log = await NatsEvtLog.create(config)
  onTestFinished(() => log.close())
  return log
}

/** Has a connection closed when the test ends. */
export async function closing(connecting: Promise<NatsConnection>): Promise<NatsConnection> {
  const connection = await connecting
  onTestFinished(() => connection.close())
  return connection
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

export async function texts(log: NatsEvtLog, key: EntityKey): Promise<string[]> {
  return (await collect(log.evtsById(key))).map(textOf)
}

export function textOf({ bytes }: PersistedEvt | NewEvt): string {
  return Buffer.from(bytes).toString()
}

/**
 * Has the next message to a stream answered with an error. Some answers can't be had from a server at will: somebody else gives this one, in the place of the
 * stream, which comes back then with nothing in it.
 *
 * @returns what waits until it is back
 */
export async function answerOnce(
  connection: NatsConnection,
  {
    stream,
    subjects,
    code,
    description = 'as asked for',
  }: { readonly stream: string; readonly subjects: string; readonly code: number; readonly description?: string },
): Promise<() => Promise<unknown> | undefined> {
  const manager = await connection.jetstreamManager()
  const { config } = await manager.streams.info(stream)
  await manager.streams.delete(stream)
  let isBack: Promise<unknown> | undefined
  const answers = connection.subscribe(subjects, {
    callback: (_, msg) => {
      // Of a batch the last message alone asks for an answer.
      if (msg.reply === undefined || msg.reply === '' || isBack !== undefined) return
      answers.unsubscribe()
      msg.respond(JSON.stringify({ error: { code: 400, err_code: code, description }, stream, seq: 0 }))
      isBack = manager.streams.add(config)
    },
  })
  await connection.flush()
  return () => isBack
}

/** What a failing promise fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
}
