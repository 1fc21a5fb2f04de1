import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { PersistedEvt } from 'eventsourced'
import {
  type AppendProcess,
  checkAcknowledged,
  type EvtPlace,
  type NatsServer,
  startAppendProcess,
  startNatsServer,
} from 'eventsourced-tools'
import { expect } from 'vitest'
import { collect, newKey, newStream, textOf } from '../evt-log.test.fixture.js'
import { NatsEvtLog } from '../index.js'
import type { AppendingOptions } from './appending.test.fixture.js'

/** Which process is killed with -9. */
export type Killed = 'server' | 'client'

const PROGRAM = fileURLToPath(new URL('../../dist/faults/appending.test.fixture.js', import.meta.url))
const TYPE = 'counter'
const ENTITIES = 10
const PATIENCE = { timeout: 20_000, interval: 5 }

/**
 * Kills processes with -9, one after another, while a client writes and another one reads. A server comes back with its files; a client is followed by
 * another one that goes on with the same entities. After each kill the writer gets on, and every event that was acknowledged is there, once and in
 * order; in the end the reader, which was there all the time, has seen each once.
 */
export async function killRounds(rounds: readonly Killed[]): Promise<void> {
  const server = await startNatsServer()
  const config = { servers: server.url, stream: newStream(), replyTimeout: 500 }
  const log = await NatsEvtLog.create({ ...config, setup: true, timeout: 20_000 })
  const ids = Array.from({ length: ENTITIES }, () => newKey().id)
  const options: AppendingOptions = { config, typeName: TYPE, ids }
  const reader = startReader(log)
  const writers: AppendProcess[] = []
  const acknowledged = () => writers.flatMap((writer) => [...writer.acknowledged])
  const startWriter = () => {
    const writer = startAppendProcess(PROGRAM, options)
    writers.push(writer)
    return writer
  }
  try {
    let writer = startWriter()
    for (const killed of rounds) {
      const before = acknowledged().length
      const position = await log.headPosition()
      await writer.acknowledgesMore(20 + randomInt(100))
      await kill(killed, server, writer)
      const told = acknowledged().slice(before)
      if (killed === 'client') writer = startWriter()
      await writer.acknowledgesMore(2 * ENTITIES)
      checkAcknowledged(since(told, position), placesOf(await collect(log.evtsByType(TYPE, { after: position }))))
    }
    await writer.stop()
    const stored = placesOf(await collect(log.evtsByType(TYPE)))
    checkAcknowledged(acknowledged(), stored)
    expect(placesOf(await reader.seen(stored.length))).toEqual(stored)
  } finally {
    await Promise.all(writers.map((one) => one.kill()))
    await log.close()
    await server.stop()
  }
}

async function kill(killed: Killed, server: NatsServer, writer: AppendProcess): Promise<void> {
  if (killed === 'client') return writer.kill()
  await server.kill('SIGKILL')
  await server.start()
}

function since(evts: readonly EvtPlace[], after: number): readonly EvtPlace[] {
  return evts.filter(({ position }) => position > after)
}

function placesOf(evts: readonly PersistedEvt[]): readonly EvtPlace[] {
  return evts.map((evt) => ({
    id: evt.key.id,
    seqNo: evt.seqNo,
    position: evt.position,
    payload: textOf(evt),
  }))
}

/** A live read from the beginning, which ends with its log. */
function startReader(log: NatsEvtLog): { readonly seen: (count: number) => Promise<readonly PersistedEvt[]> } {
  const seen: PersistedEvt[] = []
  const reading = (async () => {
    for await (const evt of log.evtsByType(TYPE, { live: true })) seen.push(evt)
  })()
  reading.catch(() => undefined)
  return {
    seen: async (count) => {
      const polling = async () => {
        await expect.poll(() => seen.length, PATIENCE).toBeGreaterThanOrEqual(count)
      }
      await Promise.race([reading, polling()])
      return seen
    },
  }
}
