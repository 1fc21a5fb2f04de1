import { inspect } from 'node:util'
import type { MovedOn } from '../../entity/cmd-result.js'
import type { EntityRef } from '../../entity/ref.js'
import type { HandleCmdOptions } from '../../entity/request.js'
import { asError, hasCode } from '../../errors.js'
import type { Cmd, Ledger, Moved, OutOfRange } from './ledger.js'

/** What a caller heard of a command. */
export type Answer =
  | {
      readonly kind: 'accepted'
      readonly seqNo: number
      readonly position: number
      readonly evts: readonly Moved[]
      readonly reply: Ledger
      readonly repeated: boolean
    }
  | { readonly kind: 'rejected'; readonly rejection: OutOfRange | MovedOn }
  | { readonly kind: 'failed'; readonly error: Error }

/** What was known when a command was sent. */
export interface Known {
  /** The highest seqNo of its entity that anyone had been told of. */
  readonly byAnyone: number
  /** The same, told by the instance that the command went to, or where that one forgot the entity. */
  readonly byInstance: number
}

/** A command that was sent, once: who sends it again makes another attempt. */
export interface Attempt {
  /** Its place among all attempts, and what its events bear. */
  readonly number: number
  readonly entity: number
  /** The entities that it was sent to, such as A2 for the second that process A ran. */
  readonly instance: string
  readonly cmd: Cmd
  readonly options: HandleCmdOptions
  readonly known: Known
  readonly abort: AbortController | undefined
  /** Resolves with the answer, whatever that is. */
  readonly answered: Promise<void>
  answer: Answer | undefined
  /** The place of its answer among all answers. */
  answerNumber: number
}

/** Sends a command. */
export async function answerOf(ref: EntityRef<Cmd, Moved>, cmd: Cmd, options: HandleCmdOptions): Promise<Answer> {
  try {
    const result = await ref.handleCmd(cmd, options)
    if (!result.ok) return { kind: 'rejected', rejection: result.rejection }
    const { seqNo, position, evts, reply, repeated = false } = result
    return { kind: 'accepted', seqNo, position, evts, reply, repeated }
  } catch (error) {
    return { kind: 'failed', error: asError(error) }
  }
}

/** Up to where an answer says that the entity's events are known; undefined if it says nothing. */
export function seqNoTold(answer: Answer | undefined): number | undefined {
  if (answer?.kind === 'accepted') return answer.seqNo
  return answer?.kind === 'rejected' ? answer.rejection.seqNo : undefined
}

/** Whether the outcome is unknown to the caller. */
export function isUncertain(answer: Answer | undefined): boolean {
  return answer?.kind === 'failed' && hasCode(answer.error, 'UNCERTAIN')
}

/** An attempt in a line, for whoever looks for what went wrong. */
export function describeAttempt({ number, entity, instance, cmd, options, answer, answerNumber }: Attempt): string {
  const { cmdId, expectedSeqNo, fresh, signal, deadline } = options
  const asked = { cmdId, expectedSeqNo, fresh, signal: signal && true, deadline: deadline && true }
  const given = Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  const told =
    answer === undefined
      ? 'no answer'
      : `${answerNumber}: ${answer.kind === 'failed' ? describeError(answer.error) : inspect(answer, { breakLength: Infinity })}`
  return `#${number} entity ${entity} at ${instance}: ${inspect(cmd, { breakLength: Infinity })} ${given.join(' ')} -> ${told}`
}

function describeError(error: Error): string {
  return `${'code' in error ? String(error.code) : error.name}: ${error.message}`
}
