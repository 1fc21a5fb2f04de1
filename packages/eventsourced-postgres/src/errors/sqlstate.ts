/**
 * What an error that the server answered with means for the statement that it answers. Every statement of ours is a transaction of its
 * own, so an `ERROR` rolled it back; but a connection that ends (classes 08, 57P) may have committed before it said so.
 *
 * | meaning | nothing stored | what follows |
 * |---|---|---|
 * | `data` | certain | one append of the batch can't be stored: found by halving, refused |
 * | `too-large` | certain | likewise |
 * | `collision` | certain | an event stands there already: judged by reading |
 * | `full` | certain | the positions are used up |
 * | `forbidden` | certain | refused |
 * | `no-schema` | certain | unavailable: the schema was dropped, renamed, or changed |
 * | `isolation` | certain | sent again in a transaction of the right isolation level |
 * | `later` | certain | unavailable: the same again, later |
 * | `unknown` | **uncertain** | the same again at once, until it is known |
 */
export type Meaning =
  | 'data'
  | 'too-large'
  | 'collision'
  | 'full'
  | 'forbidden'
  | 'no-schema'
  | 'isolation'
  | 'later'
  | 'unknown'

/** Raised by our own functions when their transaction is not READ COMMITTED. */
export const WRONG_ISOLATION = 'ES001'

/** Raised by our own functions when the transaction that they were to be part of has ended. */
export const TRANSACTION_ENDED = 'ES002'

/** Raised by our own functions where a slice is fenced off, whose transaction must come to nothing. */
export const FENCED = 'ES003'

const MEANINGS: Readonly<Record<string, Meaning>> = {
  [WRONG_ISOLATION]: 'isolation',
  '2200H': 'full', // sequence_generator_limit_exceeded
  '22003': 'full', // numeric_value_out_of_range: setval past the sequence's end; all other numbers of ours were checked
  '22': 'data', // data exception, also 22P05: not in the database's encoding
  '23': 'data', // a constraint that somebody added
  '23505': 'collision', // unique_violation, of a key of ours
  '54': 'too-large', // program limit exceeded
  '28': 'forbidden', // invalid authorization
  '42501': 'forbidden', // insufficient_privilege
  '3F': 'no-schema',
  '42': 'no-schema', // a table, function or column that is not there, or is another
  '44': 'data', // a check option that somebody added
  '0A': 'later', // a cached plan that no longer fits, until the connection is made anew
  '25006': 'later', // read_only_sql_transaction: the server became a replica
  '26': 'later', // a prepared statement that a pooler has lost
  '40': 'later', // serialization failure, deadlock
  '40003': 'unknown', // statement_completion_unknown
  '42P05': 'later', // a prepared statement that a pooler has already
  '53': 'later', // disk full, out of memory, too many connections
  '55': 'later', // lock_not_available: lock_timeout has expired
  '57014': 'later', // query_canceled, also by statement_timeout
  P0: 'data', // raised by a trigger that somebody added
}

/** After these a connection is lost, or has state that the server or a pooler has not. */
const SPENT = ['08', '0A', '25006', '25P03', '25P04', '26', '42P05', '57P', 'XX']

/** Where the server finds its queue of notifications full, which it tells by a code that else means too much data. */
const NOTIFY = 'PreCommit_Notify'

/** Where the server finds that a prepared statement no longer fits its tables, which it tells by a code that else means what it can't do. */
const PLAN = 'RevalidateCachedQuery'

/** What an append is answered with that waited for a lock longer than it may. */
export const LOCK_NOT_AVAILABLE = '55P03'

const UNIQUE_VIOLATION = '23505'

/** How PostgreSQL names the keys of our tables. Any other is one that somebody added. */
const OWN_KEY = /_(pkey|type_name_position_key)$/

/** A server's answer, judged by its shape, for there may be two copies of pg. (`EPIPE` looks like an SQLSTATE, but has no severity.) */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}

/** What an error of a statement means, by its code or else by its class; `unknown` for all that is not listed. */
export function meaningOf(error: unknown): Meaning {
  const code = sqlState(error)
  if (code === undefined) return 'unknown'
  if (isNotifyQueueFull(error)) return 'later'
  if (code === UNIQUE_VIOLATION && isOfSomebodyElse(error)) return 'data'
  return MEANINGS[code] ?? MEANINGS[code.slice(0, 2)] ?? 'unknown'
}

function isOfSomebodyElse(error: unknown): boolean {
  if (!(error instanceof Error) || !('constraint' in error) || typeof error.constraint !== 'string') return false
  return !OWN_KEY.test(error.constraint)
}

/** Whether the queue of notifications is full. */
export function isNotifyQueueFull(error: unknown): boolean {
  return isRaisedIn(error, NOTIFY)
}

/** Whether a prepared statement no longer fits its tables: on another connection it is prepared anew. */
export function isStalePlan(error: unknown): boolean {
  return isRaisedIn(error, PLAN)
}

function isRaisedIn(error: unknown, routine: string): boolean {
  return error instanceof Error && 'routine' in error && error.routine === routine
}

/** Whether the connection is of no more use after the error: it is lost, or has state that the server or a pooler has not. */
export function isConnectionSpent(error: unknown): boolean {
  const code = sqlState(error)
  if (code === undefined) return true
  return SPENT.some((start) => code.startsWith(start))
}
