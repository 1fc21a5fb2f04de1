import { InvalidInputError } from 'eventsourced'
import type { NatsConnection } from 'nats'

/** The oldest nats-server that has all that is needed. */
export const MIN_SERVER_VERSION = '2.12.14'

interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

const NEEDED: readonly { readonly since: Version; readonly what: string }[] = [
  { since: version(2, 9, 0), what: 'direct gets' },
  { since: version(2, 11, 0), what: 'batched direct gets' },
  { since: version(2, 12, 0), what: 'atomic batches' },
  { since: version(2, 12, 14), what: 'the fixes of atomic batches and of fences on clusters' },
]

/**
 * Refuses a server that is too old, and says what it lacks.
 *
 * @throws {InvalidInputError} naming the server and its version
 */
export function checkServerVersion(connection: NatsConnection): void {
  const { info } = connection
  if (info === undefined) return
  const lacks = missingFeatures(info.version)
  if (lacks.length === 0) return
  throw new InvalidInputError(
    'servers',
    `nats-server ${info.version} (${info.server_name} at ${connection.getServer()})`,
    `nats-server ${MIN_SERVER_VERSION} or later: this one lacks ${lacks.join(', ')}`,
  )
}

/** What a server of that version lacks. One whose version can't be read is taken to be new enough. */
export function missingFeatures(text: string): string[] {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text)
  if (match === null) return []
  const have = version(Number(match[1]), Number(match[2]), Number(match[3]))
  return NEEDED.filter(({ since }) => isOlder(have, since)).map(({ what }) => what)
}

function version(major: number, minor: number, patch: number): Version {
  return { major, minor, patch }
}

function isOlder(left: Version, right: Version): boolean {
  if (left.major !== right.major) return left.major < right.major
  if (left.minor !== right.minor) return left.minor < right.minor
  return left.patch < right.patch
}
