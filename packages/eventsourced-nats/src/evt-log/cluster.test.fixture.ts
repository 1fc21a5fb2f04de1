import { type Command, type EntityKey, type EventSourced, type Head, persist } from 'eventsourced'
import type { NatsConnection } from 'nats'
import { expect, vi } from 'vitest'
import { newAppend, newEvt, openLog, textOf, ZERO } from '../evt-log.test.fixture.js'
import type { NatsConnectionConfig, NatsEvtLog } from '../index.js'

export const PATIENCE = { timeout: 60_000, interval: 20 }

interface Inc extends Command<number> {
  readonly type: 'Inc'
}

export interface Increased {
  readonly type: 'Increased'
}

/** A domain type that counts its commands. */
export const tally: EventSourced<Inc, Increased, number> = {
  typeName: 'tally',
  initialState: 0,
  handleCmd: () => persist({ type: 'Increased' }, (state) => state),
  handleEvt: (state) => state + 1,
}

/** Opens a log on a stream with three replicas; a cluster that has just started needs a moment for it. */
export async function openClusterLog(connected: NatsConnectionConfig, stream: string): Promise<NatsEvtLog> {
  const config = {
    ...connected,
    stream,
    setup: true,
    replicas: 3,
    durability: 'strict',
    replyTimeout: 1_000,
    timeout: 60_000,
  } as const
  return vi.waitFor(() => openLog(config), PATIENCE)
}

/** The name of the server that leads a stream, as the server of a connection has it. */
export async function leaderOf(connection: NatsConnection, stream: string, other?: string): Promise<string> {
  let leader: string | undefined
  const find = async () => {
    const cluster = await clusterOf(connection, stream)
    leader = cluster?.leader
    return leader !== undefined && leader !== '' && leader !== other
  }
  await expect.poll(find, PATIENCE).toBe(true)
  return leader ?? ''
}

/** Waits until all replicas of a stream have what its leader has: else a restart would be the loss of a majority. */
export async function isCurrent(connection: NatsConnection, stream: string): Promise<void> {
  const find = async () => {
    const { leader, replicas = [] } = (await clusterOf(connection, stream)) ?? {}
    return (
      leader !== undefined && replicas.length === 2 && replicas.every(({ current, offline }) => current && !offline)
    )
  }
  await expect.poll(find, PATIENCE).toBe(true)
}

async function clusterOf(connection: NatsConnection, stream: string) {
  try {
    const manager = await connection.jetstreamManager({ timeout: 1_000 })
    return (await manager.streams.info(stream)).cluster
  } catch {
    return undefined
  }
}

/** Waits until a count is above what is enough, or what counts has failed. */
export async function reached(count: () => number, enough: number, counting: Promise<unknown>): Promise<void> {
  const polling = async () => {
    await expect.poll(count, PATIENCE).toBeGreaterThan(enough)
  }
  await Promise.race([counting, polling()])
}

/** Writers that append as long as they are let, each to an entity of its own, and know what was acknowledged. */
export function startWriters(log: NatsEvtLog, keys: readonly EntityKey[]) {
  const sent = new Map<string, string[]>(keys.map(({ id }) => [id, []]))
  const over = new AbortController()
  let count = 0
  const writers = keys.map(async (key, index) => {
    for (let head: Head = ZERO; !over.signal.aborted; ) {
      const group = index % 2 === 0 ? [newEvt()] : [newEvt(), newEvt()]
      head = (await log.persist(newAppend(key, head, [group]))).head
      sent.get(key.id)?.push(...group.map(textOf))
      count++
    }
  })
  const all = Promise.all(writers)
  return {
    sent,
    /** Waits until appends are acknowledged that were begun from now on. */
    goOn: async () => {
      const enough = count + 2 * keys.length
      await reached(() => count, enough, all)
    },
    stop: async () => {
      over.abort()
      await all
    },
  }
}
