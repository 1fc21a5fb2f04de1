import { InvalidInputError } from 'eventsourced'
import { type JetStreamManager, NatsError, type StreamConfig, type StreamInfo } from 'nats'
import { failureOf } from '../errors/failure.js'

/** A stream's configuration, with what the package's types don't know yet. */
export type StreamSettings = Partial<StreamConfig> & {
  readonly name: string
  readonly allow_atomic?: boolean
  readonly allow_msg_ttl?: boolean
}

const STREAM_NOT_FOUND = 10059
const NAME_IN_USE = 10058
const TOO_FEW_SERVERS = 10074

/**
 * Finds a stream, or creates it if it is missing and `setup` says so. How it is set up is the caller's to judge, in `check` before it is created.
 *
 * @returns undefined if it is missing
 * @throws {InvalidInputError} if there are fewer servers than replicas asked for
 * @throws {UnavailableError | RefusedError} if the server doesn't do it
 */
export async function findOrCreate(
  manager: JetStreamManager,
  settings: StreamSettings,
  setup: boolean,
  check: () => void = () => {},
): Promise<StreamInfo | undefined> {
  const found = await find(manager, settings.name)
  if (found !== undefined || !setup) return found
  check()
  return create(manager, settings)
}

async function find(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name)
  } catch (error) {
    if (hasApiCode(error, STREAM_NOT_FOUND)) return undefined
    throw failureOf(`looking for the stream ${name}`, error)
  }
}

async function create(manager: JetStreamManager, settings: StreamSettings): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.add(settings)
  } catch (error) {
    // Another process was first, with other settings: they will be judged as any.
    if (hasApiCode(error, NAME_IN_USE)) return find(manager, settings.name)
    if (hasApiCode(error, TOO_FEW_SERVERS)) {
      const { num_replicas: replicas } = settings
      throw new InvalidInputError('replicas', replicas, 'no more than the servers of the cluster', { cause: error })
    }
    throw failureOf(`creating the stream ${settings.name}`, error)
  }
}

function hasApiCode(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code
}
