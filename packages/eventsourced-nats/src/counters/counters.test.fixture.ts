import { testNats } from 'eventsourced-tools/vitest'
import { connect, type NatsConnection, nuid } from 'nats'
import { onTestFinished } from 'vitest'
import { Counters, type CountersConfig, type CountersOptions } from './index.js'

/** Counters on a stream of their own, and the way to others on the same server. */
export interface Setting {
  readonly connection: NatsConnection
  /** What all subjects of the stream begin with, which is also its name. */
  readonly stream: string
  readonly counters: Counters
}

export async function setting(config: Partial<CountersConfig> = {}, servers?: string): Promise<Setting> {
  const connection = await connected(servers)
  const stream = config.stream ?? newName()
  const counters = await created(connection, { stream, subjects: [`${stream}.>`], ...config })
  return { connection, stream, counters }
}

/** A name for a stream that nobody else has. */
export function newName(): string {
  return `counters-${nuid.next()}`
}

export async function connected(servers = testNats()): Promise<NatsConnection> {
  const connection = await connect({ servers, reconnectTimeWait: 20, maxReconnectAttempts: -1 })
  onTestFinished(() => connection.close())
  return connection
}

export async function created(connection: NatsConnection, config: CountersConfig): Promise<Counters> {
  const counters = await Counters.create(connection, config)
  onTestFinished(() => counters.close())
  return counters
}

export async function opened(connection: NatsConnection, stream: string, options?: CountersOptions): Promise<Counters> {
  const counters = await Counters.open(connection, stream, options)
  onTestFinished(() => counters.close())
  return counters
}

/** The message bodies that a counter's adds have left, as any client of the server reads them. */
export async function history(connection: NatsConnection, stream: string, subject: string): Promise<string[]> {
  const manager = await connection.jetstreamManager()
  const bodies: string[] = []
  const { state } = await manager.streams.info(stream)
  for (let seq = Math.max(state.first_seq, 1); seq <= state.last_seq; seq++) {
    const msg = await manager.streams.getMessage(stream, { seq })
    if (msg.subject === subject) bodies.push(msg.string())
  }
  return bodies
}
