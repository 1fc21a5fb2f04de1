import { isNotifyQueueFull, isStalePlan, sqlState } from '../errors/sqlstate.js'

/**
 * Why a statement of a handler failed, or the COMMIT of what it wrote.
 *
 * | blame | what it is | what follows |
 * |---|---|---|
 * | `handler` | the statement itself, also where it shows a fault of an extension, or damaged data | `onError` judges the event |
 * | `others` | what others do, or what the server lacks for now; nothing is stored | tried again until it works |
 * | `connection` | it is lost, or has a state that the statement did not expect | tried again on another one; over and over, it is the handler's |
 */
export type Blame = 'handler' | 'others' | 'connection'

/** A serialization failure, a deadlock, a full disk, too many connections. What a statement itself takes too much of (memory, temporary files) is not among them. */
const OTHERS = ['40000', '40001', '40003', '40P01', '53100', '53300']

const CONNECTION = [
  '08', // also what poolers answer with (08P01)
  '25006', // read_only_sql_transaction: the server became a replica
  '25P03', // idle_in_transaction_session_timeout: the process was paused, or kept its event loop
  '25P04', // transaction_timeout
  '26', // a prepared statement that a pooler has lost
  '42P05', // a prepared statement that a pooler has already
  '57P', // an operator's doing, or a crash
]

/** Whom the server's answer blames, or that there was none. */
export function blameOf(error: unknown): Blame {
  const code = sqlState(error)
  if (code === undefined) return 'connection'
  if (OTHERS.includes(code) || isNotifyQueueFull(error)) return 'others'
  return isStalePlan(error) || CONNECTION.some((start) => code.startsWith(start)) ? 'connection' : 'handler'
}
