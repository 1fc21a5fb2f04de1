import type { Metadata } from '../domain/event-sourced.js'
import { InvalidInputError } from '../errors.js'
import { checkMetadata } from '../log/check.js'
import { checkFields } from './check-fields.js'
import { checkNothingReserved } from './reserved-metadata.js'

/** How a command is handled. */
export interface HandleCmdOptions {
  /** Stored with each of the command's events: correlation, causation, trace context. At most 16,384 characters in all; names that begin with `es-` are the library's own. */
  readonly metadata?: Metadata
  /**
   * Makes the command idempotent: sent again with the same id, after a lost answer, by whichever process, it is not handled again but answered with
   * `repeated: true` and the first one's reply. 1 to 128 characters. The last 100 ids of an entity are remembered (`cmdWindow`); commands that
   * stored nothing are not. The encoded reply is stored beside the events: one of more than 8,192 bytes is
   * refused (`REFUSED`), and nothing of its command is stored.
   */
  readonly cmdId?: string
  /** The entity's last event must be this one (0: none), otherwise the command is rejected with `MovedOn`. */
  readonly expectedSeqNo?: number
  /** Compares the log's head before a command that stores nothing is answered: for queries where another process may own the entity. */
  readonly fresh?: boolean
  /** Withdraws the command (`WITHDRAWN`); one whose outcome is under way goes on, and its caller gets `UNCERTAIN`. */
  readonly signal?: AbortSignal
  /** Does the same when this moment has passed. */
  readonly deadline?: Date
}

/** What a caller asks besides its command. */
export interface Request {
  readonly metadata: Metadata
  readonly cmdId: string | undefined
  readonly expectedSeqNo: number | undefined
  readonly fresh: boolean
  readonly signal: AbortSignal | undefined
  readonly deadline: Date | undefined
}

const NO_METADATA: Metadata = Object.freeze({})
const NO_REQUEST: Request = {
  metadata: NO_METADATA,
  cmdId: undefined,
  expectedSeqNo: undefined,
  fresh: false,
  signal: undefined,
  deadline: undefined,
}
const MAX_CMD_ID_CHARS = 128
const FIELDS = Object.keys(NO_REQUEST)

/** What a caller asks, checked and out of reach of its later changes. @throws {InvalidInputError} */
export function checkedRequest(options: HandleCmdOptions | undefined): Request {
  if (options === undefined) return NO_REQUEST
  checkFields('options', options, FIELDS)
  const { metadata, cmdId, expectedSeqNo, fresh = false, signal, deadline } = options
  if (cmdId !== undefined && !isCmdId(cmdId)) {
    throw new InvalidInputError('cmdId', cmdId, `1 to ${MAX_CMD_ID_CHARS} characters, without NUL and lone surrogates`)
  }
  if (expectedSeqNo !== undefined && (!Number.isSafeInteger(expectedSeqNo) || expectedSeqNo < 0)) {
    throw new InvalidInputError('expectedSeqNo', expectedSeqNo, 'a seqNo: a whole number, 0 or more')
  }
  if (typeof fresh !== 'boolean') throw new InvalidInputError('fresh', fresh, 'true or false')
  if (deadline !== undefined && !(deadline instanceof Date && !Number.isNaN(deadline.getTime()))) {
    throw new InvalidInputError('deadline', deadline, 'a valid Date')
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InvalidInputError('signal', signal, 'an AbortSignal')
  }
  return { metadata: copied(metadata), cmdId, expectedSeqNo, fresh, signal, deadline }
}

function isCmdId(cmdId: string): boolean {
  return (
    typeof cmdId === 'string' &&
    cmdId.length > 0 &&
    cmdId.length <= MAX_CMD_ID_CHARS &&
    cmdId.isWellFormed() &&
    !cmdId.includes('\0')
  )
}

function copied(metadata: Metadata | undefined): Metadata {
  if (metadata === undefined) return NO_METADATA
  checkMetadata(metadata, (field, value, expected) => new InvalidInputError(field, value, expected))
  checkNothingReserved(metadata)
  return Object.freeze({ ...metadata })
}
