import { EventSourcedError, RefusedError, type RefusedReason, UnavailableError } from 'eventsourced'
import type { ApiError } from '../wire/ack.js'

/** What an error of the server means for a write. In all of them nothing of that try is stored. */
export type Meaning =
  /** The subject's last message is not the expected one, or another message for it is being stored. */
  | 'conflict'
  /** Not now: the same may be sent again. */
  | 'retry'
  /** Never: sending the same again is of no use. */
  | RefusedReason

const STORE_FAILED = 10077
/** How a server words the same while it stops: it stores nothing any more, and will when it is back. */
const STORE_CLOSED = 'store is closed'

const MEANINGS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [10071, 'conflict'], // wrong last sequence: {seq}
  [10164, 'conflict'], // wrong last sequence, without a number: clusters
  [10004, 'retry'], // incomplete results
  [10007, 'retry'], // not assigned to this server
  [10008, 'retry'], // JetStream temporarily unavailable
  [10009, 'retry'], // not the leader
  [10023, 'retry'], // insufficient resources
  [10039, 'retry'], // JetStream not enabled for the account: a server that is being started or reloaded says so too
  [10041, 'retry'], // raft
  [10059, 'retry'], // stream not found: a cluster that is being started says so too
  [10076, 'retry'], // JetStream not enabled
  [10118, 'retry'], // stream is offline
  [10158, 'retry'], // a message with that id is in process
  [10163, 'retry'], // expected last sequence temporarily unavailable
  [10167, 'retry'], // too many requests
  [10176, 'retry'], // batch is incomplete: one of its messages did not arrive, or it idled for too long
  [10194, 'retry'], // stream is offline: {why}
  [10210, 'retry'], // too many batches in flight
  [10211, 'retry'],
  [10002, 'full'], // the account's limits
  [10028, 'full'], // memory
  [10047, 'full'], // storage
  [STORE_FAILED, 'full'], // with discard new, this is max_bytes
  [10054, 'too-large'], // max_msg_size
  [10097, 'too-large'], // headers over 64 KiB
  [10199, 'too-large'], // batch of too many messages
  [10109, 'forbidden'], // sealed stream
  [10174, 'forbidden'], // allow_atomic has been turned off
  [10060, 'bad-input'], // what follows can't happen with the headers that we send
  [10175, 'bad-input'],
  [10177, 'bad-input'],
  [10179, 'bad-input'],
  [10193, 'bad-input'],
  [10200, 'bad-input'],
  [10201, 'bad-input'],
])

/** The meaning of an error of the server; undefined for those that nobody has thought of. */
export function meaningOf({ code, description }: ApiError): Meaning | undefined {
  return code === STORE_FAILED && description.includes(STORE_CLOSED) ? 'retry' : MEANINGS.get(code)
}

/** An error of the server in words. */
export function wordsOf({ code, description }: ApiError): string {
  return `${description} (JetStream error ${code})`
}

/** What a read, or another request that may be repeated at will, fails with. */
export function requestError(what: string, error: ApiError): EventSourcedError {
  const meaning = meaningOf(error)
  const message = `${what}: ${wordsOf(error)}`
  if (meaning === undefined || meaning === 'retry' || meaning === 'conflict') return new UnavailableError(message)
  return new RefusedError(meaning, message)
}
