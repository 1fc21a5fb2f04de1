import { InvalidInputError } from 'eventsourced'
import type { NatsConnection } from 'nats'

/** The oldest nats-server that has all that is needed. */
export const MIN_SERVER_VERSION = '2.12.14'

interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

/** Something that a server must have, and since when it has it. */
interface Need {
  readonly since: Version
  readonly what: string
}

const NEEDED: readonly Need[] = [
  { since: version(2, 9, 0), what: 'direct gets' },
  { since: version(2, 11, 0), what: 'batched direct gets' },
  { since: version(2, 12, 0), what: 'atomic batches' },
  { since: version(2, 12, 14), what: 'the fixes of atomic batches and of fences on clusters' },
]

/** What distributed counters need: less than an event log. */
export const NEEDED_BY_COUNTERS: readonly Need[] = [
  { since: version(2, 11, 0), what: 'batched direct gets' },
  { since: version(2, 12, 0), what: 'distributed counters' },
  { since: version(2, 12, 12), what: 'the fixes of distributed counters' },
]

/**
 * Refuses a server that is too old, and says what it lacks.
 *
 * @throws {InvalidInputError} naming the server and its version
 */
export function checkServerVersion(connection: NatsConnection, needed: readonly Need[] = NEEDED): void {
  const { info } = connection
  if (info === undefined) return
  const lacks = missingFeatures(info.version, needed)
  if (lacks.length === 0) return
  throw new InvalidInputError(
    'servers',
    `nats-server ${info.version} (${info.server_name} at ${connection.getServer()})`,
    `nats-server ${newest(needed)} or later: this one lacks ${lacks.join(', ')}`,
  )
}

/** What a server of that version lacks. One whose version can't be read is taken to be new enough. */
export function missingFeatures(text: string, needed: readonly Need[] = NEEDED): string[] {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text)
  if (match === null) return []
  const have = version(Number(match[1]), Number(match[2]), Number(match[3]))
  return needed.filter(({ since }) => isOlder(have, since)).map(({ what }) => what)
}

/** The version that has all of it: the last one's. */
function newest(needed: readonly Need[]): string {
  const { major, minor, patch } = needed.at(-1)?.since ?? version(0, 0, 0)
  return `${major}.${minor}.${patch}`
}

function version(major: number, minor: number, patch: number): Version {
  return { major, minor, patch }
}

function isOlder(left: Version, right: Version): boolean {
  if (left.major !== right.major) return left.major < right.major
  if (left.minor !== right.minor) return left.minor < right.minor
  return left.patch < right.patch
}
