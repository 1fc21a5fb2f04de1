import { InvalidInputError } from 'eventsourced'
import { type JetStreamManager, NatsError, type StreamInfo } from 'nats'
import type { CheckedEvtLogConfig } from '../config/evt-log-config.js'
import { failureOf } from '../errors/failure.js'
import { checkStreamSettings, logStreamConfig } from './stream-settings.js'

const STREAM_NOT_FOUND = 10059
const NAME_IN_USE = 10058
const TOO_FEW_SERVERS = 10074

/**
 * Finds the stream, creates it if it is missing and `setup` says so, and checks it.
 *
 * @throws {InvalidInputError} if it is missing, or its settings lose events
 * @throws {UnavailableError | RefusedError} if the server doesn't do it
 */
export async function openStream(manager: JetStreamManager, config: CheckedEvtLogConfig): Promise<void> {
  const { stream, logger } = config
  const info = (await find(manager, stream)) ?? (config.setup ? await create(manager, config) : undefined)
  if (info === undefined) {
    throw new InvalidInputError('stream', stream, 'a stream that exists, or `setup: true` to have it created')
  }
  checkStreamSettings({ ...info.config }, config, logger)
}

async function find(manager: JetStreamManager, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(stream)
  } catch (error) {
    if (hasApiCode(error, STREAM_NOT_FOUND)) return undefined
    throw failureOf(`looking for the stream ${stream}`, error)
  }
}

async function create(manager: JetStreamManager, config: CheckedEvtLogConfig): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.add(logStreamConfig(config))
  } catch (error) {
    // Another process was first, with other settings: they will be judged as any.
    if (hasApiCode(error, NAME_IN_USE)) return find(manager, config.stream)
    if (hasApiCode(error, TOO_FEW_SERVERS)) {
      throw new InvalidInputError('replicas', config.replicas, 'no more than the servers of the cluster', {
        cause: error,
      })
    }
    throw failureOf(`creating the stream ${config.stream}`, error)
  }
}

function hasApiCode(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code
}
