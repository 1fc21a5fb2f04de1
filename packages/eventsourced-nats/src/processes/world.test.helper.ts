import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendIds, groupOf, type Head, ManagedProjection } from 'eventsourced'
import type { Child } from 'eventsourced-tools'
import { connect, nuid } from 'nats'
import { expect, vi } from 'vitest'
import { newEvt, ZERO } from '../evt-log.test.fixture.js'
import { NatsEvtLog, NatsOffsetStore } from '../index.js'
import { startProjecting } from './projecting-process.test.helper.js'
import { type Applied, expectAtLeastOnce, readApplied } from './read-model.test.helper.js'

const KEY = { name: 'applied', version: 1 }
const ENTITIES = 20
const PATIENCE = { timeout: 20_000, interval: 20 }

/** A stream with events that come all the time, the processes that project them, and what they have made of them. */
export interface ProjectingWorld {
  /** Those that were neither stopped nor killed. */
  readonly processes: readonly Child[]
  start(): Promise<Child>
  stop(process: Child): Promise<void>
  kill(process: Child): Promise<void>
  /** Waits until those that are neither paused nor gone own all slices, and nobody else is taken for alive. @returns how long that took, in milliseconds */
  settled(): Promise<number>
  /** Waits until so many more events are applied. */
  appliesMore(count: number): Promise<void>
  /** Ends the writing, lets all that is paused go on, has everything applied, and proves that it was. @returns how many came again, and all that was applied */
  finish(): Promise<{ readonly again: number; readonly applied: readonly Applied[] }>
  /** Ends all that still runs. */
  end(): Promise<void>
}

/** Creates a world on a server, with events that come and no process yet that projects them. */
export async function projectingWorld(servers: string, leaseTtlMs: number): Promise<ProjectingWorld> {
  const [stream, bucket, applied] = [`events-${nuid.next()}`, `projections-${nuid.next()}`, `applied-${nuid.next()}`]
  const patience = { replyTimeout: 1_000, timeout: 30_000 }
  const evtLog = await NatsEvtLog.create({ servers, stream, setup: true, ...patience })
  const offsetStore = await NatsOffsetStore.create({ servers, bucket, setup: true, leaseTtlMs, ...patience })
  const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  const manager = await connection.jetstreamManager({ timeout: 1_000 })
  await manager.streams.add({ name: applied, subjects: [applied] })
  const writers = startWriters(evtLog)
  const offsets = watchOffsets(offsetStore)
  let processes: readonly Child[] = []
  const left = (process: Child) => {
    processes = processes.filter((one) => one !== process)
  }
  const appliedCount = async () => (await manager.streams.info(applied).catch(() => undefined))?.state.messages ?? 0

  return {
    get processes() {
      return processes
    },
    start: async () => {
      const process = await startProjecting({ servers, stream, bucket, applied, leaseTtlMs })
      processes = [...processes, process]
      return process
    },
    stop: async (process) => {
      left(process)
      await process.stop()
    },
    kill: async (process) => {
      left(process)
      await process.kill()
    },
    settled: async () => {
      const startedAt = performance.now()
      const awake = processes.filter(({ isPaused }) => !isPaused).length
      const look = async () => {
        const view = await offsetStore.leases.view(groupOf(KEY)).catch(() => undefined)
        return view?.members.length === awake && view.leases.every(({ owner }) => owner !== undefined)
      }
      await vi.waitUntil(look, PATIENCE)
      return performance.now() - startedAt
    },
    appliesMore: async (count) => {
      let wanted = 0
      await vi.waitUntil(async () => {
        const applied = await appliedCount()
        if (wanted === 0 && applied > 0) wanted = applied + count
        return wanted > 0 && applied >= wanted
      }, PATIENCE)
    },
    finish: async () => {
      const heads = await writers.stop()
      for (const process of processes) if (process.isPaused) process.goOn()
      const managed = new ManagedProjection(KEY, { offsetStore, evtLog })
      await managed.caughtUp({ deadline: new Date(Date.now() + 30_000) })
      await Promise.all(processes.map((process) => process.stop()))
      processes = []
      await offsets.stop()
      const all = await readApplied(connection, applied)
      return { again: expectAtLeastOnce(all, heads), applied: all }
    },
    end: async () => {
      await Promise.all(processes.map((process) => process.kill()))
      await Promise.allSettled([writers.stop(), offsets.stop()])
      await Promise.all([offsetStore.close(), evtLog.close(), connection.close()])
    },
  }
}

/** Appends to some entities in turn until it is told to stop, which answers how many events each has. */
function startWriters(evtLog: NatsEvtLog): { stop(): Promise<ReadonlyMap<string, number>> } {
  const heads = new Map<string, Head>(Array.from({ length: ENTITIES }, () => [randomUUID(), ZERO]))
  const over = new AbortController()
  const nextAppendId = appendIds()
  const writing = [...heads.keys()].map(async (id) => {
    while (!over.signal.aborted) {
      const expected = heads.get(id) ?? ZERO
      const append = { key: { typeName: 'counter', id }, expected, appendId: nextAppendId(), groups: [[newEvt()]] }
      heads.set(id, (await evtLog.persist(append)).head)
      await sleep(Math.random() * 200)
    }
  })
  return {
    stop: async () => {
      over.abort()
      await Promise.all(writing)
      return new Map([...heads].map(([id, { seqNo }]) => [id, seqNo]))
    },
  }
}

/** Looks at the offsets all the time: none may ever go back. */
function watchOffsets(offsetStore: NatsOffsetStore): { stop(): Promise<void> } {
  const furthest = new Map<number, number>()
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const { slice, offset } of await offsetStore.slices(KEY).catch(() => [])) {
        expect(offset.position, `the offset of slice ${slice}`).toBeGreaterThanOrEqual(furthest.get(slice) ?? 0)
        furthest.set(slice, offset.position)
      }
      await sleep(50)
    }
  })()
  watching.catch(() => undefined)
  return {
    stop: async () => {
      over.abort()
      await watching
    },
  }
}
