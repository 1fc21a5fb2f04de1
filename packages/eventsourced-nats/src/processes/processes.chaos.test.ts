import { type Child, startNatsServer, type NatsServer } from 'eventsourced-tools'
import { drawn } from 'eventsourced-tools/properties'
import { expect, onTestFinished, test } from 'vitest'
import { type ProjectingWorld, projectingWorld } from './world.test.helper.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const seed = Number(CHAOS_SEED)
const count = Number(CHAOS_ROUNDS) * 4
const LEASE_TTL_MS = 1_000
const MAX_PROCESSES = 4

/** What happens. */
type Happening = (world: ProjectingWorld, server: NatsServer) => Promise<unknown>

/** Something that befalls one process, where another one is left to go on. */
function befalling(what: (world: ProjectingWorld, process: Child) => Promise<void>): Happening {
  return async (world) => {
    const [first, another] = world.processes.filter(({ isPaused }) => !isPaused)
    if (first !== undefined && another !== undefined) await what(world, first)
  }
}

const HAPPENINGS: Readonly<Record<string, Happening>> = {
  'a process comes': async (world) => {
    if (world.processes.length < MAX_PROCESSES) await world.start()
  },
  'a process is stopped': befalling((world, process) => world.stop(process)),
  'a process is killed': befalling((world, process) => world.kill(process)),
  'a process is paused': befalling(async (_, process) => process.pause()),
  'a process goes on': async (world) => world.processes.find(({ isPaused }) => isPaused)?.goOn(),
  'the server is restarted': async (_, server) => {
    await server.kill()
    await server.start()
  },
}

test(`${count} times something happens to processes that project, by the dice of ${seed}: each event is applied, in its place`, {
  timeout: 60_000 + count * 20_000,
}, async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const world = await projectingWorld(server.url, LEASE_TTL_MS)
  onTestFinished(() => world.end())
  const waits = drawn([true, false], { seed: seed + 1, count })
  const happened: string[] = []
  try {
    await world.start()
    await world.start()
    for (const [nth, name] of drawn(Object.keys(HAPPENINGS), { seed, count }).entries()) {
      happened.push(name)
      await HAPPENINGS[name]?.(world, server)
      if (waits[nth] === true) await world.settled()
      await world.appliesMore(30)
    }
    expect((await world.finish()).applied.length).toBeGreaterThan(0)
  } catch (error) {
    throw new Error(`seed ${seed}, after ${happened.join(', ')}`, { cause: error })
  }
})
