import { InvalidInputError } from 'eventsourced'
import type { JetStreamManager, StreamConfig } from 'nats'
import type { CheckedEvtLogConfig } from '../config/evt-log-config.js'
import { findOrCreate } from '../config/find-or-create.js'
import { checkStreamSettings, logStreamConfig } from './stream-settings.js'

/**
 * Finds the stream, creates it if it is missing and `setup` says so, and checks it.
 *
 * @returns its settings
 * @throws {InvalidInputError} if it is missing, or its settings lose events
 * @throws {UnavailableError | RefusedError} if the server doesn't do it
 */
export async function openStream(manager: JetStreamManager, config: CheckedEvtLogConfig): Promise<StreamConfig> {
  const { stream, setup, logger } = config
  const settings = logStreamConfig(config)
  // What would be refused is not created first: it would have to be removed by hand.
  const info = await findOrCreate(manager, settings, setup, () =>
    checkStreamSettings({ ...settings }, config, undefined),
  )
  if (info === undefined) {
    throw new InvalidInputError('stream', stream, 'a stream that exists, or `setup: true` to have it created')
  }
  checkStreamSettings({ ...info.config }, config, logger)
  return info.config
}
