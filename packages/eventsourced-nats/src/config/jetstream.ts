import { InvalidInputError } from 'eventsourced'
import { ErrorCode, type JetStreamManager, NatsError, type NatsConnection } from 'nats'
import { failureOf } from '../errors/failure.js'

const NO_RESPONDERS: string = ErrorCode.NoResponders
const NOT_ENABLED = 10076
const NOT_ENABLED_FOR_ACCOUNT = 10039

/**
 * The package's face to JetStream, once it is known to be there.
 *
 * @throws {InvalidInputError} naming the server if it has no JetStream
 */
export async function checkJetStream(connection: NatsConnection, timeout: number): Promise<JetStreamManager> {
  const manager = await connection.jetstreamManager({ checkAPI: false, timeout })
  try {
    await manager.getAccountInfo()
    return manager
  } catch (error) {
    if (!isWithoutJetStream(error)) throw failureOf('asking for JetStream', error)
    const { version = 'of unknown version', server_name: name = 'of unknown name' } = connection.info ?? {}
    throw new InvalidInputError(
      'servers',
      `nats-server ${version} (${name} at ${connection.getServer()})`,
      'a server with JetStream: on this one it is not enabled, or not for this account',
      { cause: error },
    )
  }
}

function isWithoutJetStream(error: unknown): boolean {
  if (!(error instanceof NatsError)) return false
  const code = error.api_error?.err_code
  // The package maps the codes above to these too.
  const isNoResponder = error.code === NO_RESPONDERS
  return isNoResponder || code === NOT_ENABLED || code === NOT_ENABLED_FOR_ACCOUNT
}
