// The runtime's own module, not its public face: what it costs a command can't be told apart from outside.
import { Telemetry, withTraceContext } from '../../../packages/eventsourced/dist/entity/telemetry.js'
import { median } from '../measure.js'

const COMMANDS = 1_000_000
const ROUNDS = 9
const METADATA = {}
const STORED = Promise.resolve()

/** Nanoseconds a command that telemetry costs without an SDK: all its calls on the way of a command that is stored alone, less those of an empty loop. */
export async function telemetryCost(): Promise<number> {
  const telemetry = new Telemetry('counter')
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const empty = await timed(async () => {
      await STORED
    })
    const watched = await timed(async () => {
      const span = telemetry.startCommand()
      withTraceContext(METADATA, span)
      telemetry.commandsTaken(1)
      telemetry.endCommand(span, 'accepted')
      if (telemetry.isWatched([{ envelope: { span } }])) throw new Error('an SDK is installed')
      await STORED
    })
    costs.push(watched - empty)
  }
  return median(costs)
}

async function timed(command: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  for (let n = 0; n < COMMANDS; n++) await command()
  return ((performance.now() - startedAt) * 1e6) / COMMANDS
}
