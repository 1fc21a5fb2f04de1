import type { Child, PostgresServer } from 'eventsourced-tools'
import { drawn } from 'eventsourced-tools/properties'
import { leaveOpen } from '../faults/left-open.test.helper.js'
import { projectingWorld, type ProjectingWorld } from './world.test.helper.js'

const LEASE_TTL_MS = 1_000
const MAX_PROCESSES = 4

/** What happens, given the process that it happens to. */
type Event = (scene: { readonly server: PostgresServer; readonly world: ProjectingWorld }) => Promise<unknown>

/** Something that befalls one process, where another one is left to go on. */
function befalling(what: (process: Child, world: ProjectingWorld) => unknown): Event {
  return async ({ world }) => {
    const awake = world.processes.filter(({ isPaused }) => !isPaused)
    const [first] = awake
    if (first !== undefined && awake.length > 1) await what(first, world)
  }
}

const EVENTS: Readonly<Record<string, Event>> = {
  'a process comes': async ({ world }) => {
    if (world.processes.length < MAX_PROCESSES) await world.start()
  },
  'a process is stopped': befalling((process, world) => world.stop(process)),
  'a process is killed': befalling((process, world) => world.kill(process)),
  'a process is paused': befalling((process) => process.pause()),
  'a process goes on': async ({ world }) => world.processes.find(({ isPaused }) => isPaused)?.goOn(),
  // What pg_ctl stop -m immediate sends.
  'PostgreSQL is restarted': async ({ server }) => {
    await server.kill('SIGQUIT')
    await server.start()
  },
  'a writer is slow': ({ server, world }) => beside(server, world, 'COMMIT'),
  'a writer rolls back': ({ server, world }) => beside(server, world, 'ROLLBACK'),
}

/** Has a transaction hold up all that is appended while what was appended before is applied. */
async function beside(server: PostgresServer, world: ProjectingWorld, end: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  const client = await leaveOpen(server)
  await world.settled()
  await client.query(end)
  await client.end()
}

/** How a run is drawn. */
export interface RoundsOptions {
  readonly seed: number
  readonly count: number
}

/**
 * Lets random things happen to the processes of a projection, to its writers, and to the server, half of them before it has recovered from the last. In
 * the end everything that was written is applied exactly once.
 *
 * @throws with all that has happened, if it isn't
 */
export async function projectingRounds(server: PostgresServer, { seed, count }: RoundsOptions): Promise<void> {
  const world = await projectingWorld(server, LEASE_TTL_MS)
  const names = drawn(Object.keys(EVENTS), { seed, count })
  const waits = drawn([true, false], { seed: seed + 1, count })
  const happened: string[] = []
  try {
    await world.start()
    await world.start()
    for (const [nth, name] of names.entries()) {
      happened.push(name)
      await EVENTS[name]?.({ server, world })
      if (waits[nth] === true) await world.settled()
      await world.appliesMore(50)
    }
    await world.finish()
  } catch (error) {
    throw new Error(`seed ${seed}, after ${happened.join(', ')}`, { cause: error })
  } finally {
    await world.end()
  }
}
