import { randomUUID } from 'node:crypto'
import { groupOf, ManagedProjection } from 'eventsourced'
import { type Child, startChild } from 'eventsourced-tools'
import { Pool, type PoolConfig } from 'pg'
import { startWriter } from '../faults/writers.test.helper.js'
import { until } from '../fixture.test.helper.js'
import { PostgresEvtLog, PostgresOffsetStore } from '../index.js'
import type { ProjectingOptions } from './projecting.test.fixture.js'
import { appliedCount, createReadModel, expectExactlyOnce } from './read-model.test.helper.js'

const PROGRAM = new URL('../../dist/processes/projecting.test.fixture.js', import.meta.url)
const KEY = { name: 'applied', version: 1 }

/** Which slices have owners, at one moment. */
export interface Owners {
  readonly members: number
  /** How many slices nobody owns. */
  readonly free: number
  /** How often slices have changed hands by now. */
  readonly changes: number
}

/** A database with events that come all the time, the processes that project them, and what they have made of them. */
export interface ProjectingWorld {
  /** Those that were neither stopped nor killed. */
  readonly processes: readonly Child[]
  start(): Promise<Child>
  stop(process: Child): Promise<void>
  kill(process: Child): Promise<void>
  owners(): Promise<Owners>
  /** Waits until those that are neither paused nor gone own all slices, and nobody else is taken for alive. @returns how long that took, in milliseconds */
  settled(): Promise<number>
  /** Waits until so many more events are applied. */
  appliesMore(count: number): Promise<void>
  /** Ends the writing, lets all that is paused go on, has everything applied, and proves that it was applied exactly once. */
  finish(): Promise<void>
  /** Ends all that still runs. */
  end(): Promise<void>
}

/** Creates a world on an empty database, with processes that write and none yet that projects. */
export async function projectingWorld(connection: PoolConfig, leaseTtlMs: number): Promise<ProjectingWorld> {
  const evtLog = await PostgresEvtLog.create({ connection, setup: true })
  const offsetStore = await PostgresOffsetStore.create({ connection, setup: true, leaseTtlMs })
  const admin = new Pool({ ...connection, max: 2, connectionTimeoutMillis: 5_000 })
  admin.on('error', () => undefined)
  await createReadModel(admin)
  const writer = startWriter({ config: { connection }, logs: 3, entities: 7, pauseMs: 30 })
  let processes: readonly Child[] = []
  const left = (process: Child) => {
    processes = processes.filter((one) => one !== process)
  }

  async function owners(): Promise<Owners> {
    const { members, leases } = await offsetStore.leases.view(groupOf(KEY))
    const free = leases.filter(({ owner }) => owner === undefined).length
    return { members: members.length, free, changes: leases.reduce((sum, { epoch }) => sum + epoch, 0) }
  }

  async function finish(): Promise<void> {
    await writer.stop()
    for (const process of processes) if (process.isPaused) process.goOn()
    const managed = new ManagedProjection(KEY, { offsetStore, evtLog })
    await managed.caughtUp({ deadline: new Date(Date.now() + 30_000) })
    await Promise.all(processes.map((process) => process.stop()))
    processes = []
    await expectExactlyOnce(admin)
  }

  return {
    get processes() {
      return processes
    },
    start: async () => {
      const name = randomUUID()
      const told: ProjectingOptions = { connection, leaseTtlMs, owner: name }
      const process = await startChild(PROGRAM, { name, told })
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
    owners,
    settled: async () => {
      const startedAt = performance.now()
      const awake = processes.filter(({ isPaused }) => !isPaused).length
      await until('the processes that are left own all', async () => {
        const { members, free } = await owners()
        return members === awake && free === 0
      })
      return performance.now() - startedAt
    },
    appliesMore: async (count) => {
      const wanted = (await appliedCount(admin)) + count
      await until(`${wanted} events are applied`, async () => (await appliedCount(admin)) >= wanted)
    },
    finish,
    end: async () => {
      await Promise.all([writer, ...processes].map((one) => one.kill()))
      await admin.end()
      await offsetStore.close()
      await evtLog.close()
    },
  }
}
