import { UnavailableError } from 'eventsourced'
import { type Json, numberAt } from '../../wire/json.js'
import { backOff } from '../../wire/back-off.js'
import { CounterError, counterError } from '../counter-error.js'
import { at, type CounterStream, limitAt, streamInfo } from '../counter-stream.js'
import { windowOf } from '../open-stream.js'
import { type Add, ageOf, type Outcome, outcomeOf } from './add.js'
import { refuseUnheard } from './refuse-unheard.js'
import { valueAfter } from './value-after.js'

/**
 * Finds out what became of an add whose first try was not simply counted: sends the same message again until it is known to be
 * counted or not, or the time is over.
 *
 * @throws {CounterError} `UNCERTAIN` if it may be counted
 */
export async function resolve(stream: CounterStream, add: Add, first: Outcome): Promise<bigint> {
  const deadline = performance.now() + stream.timeoutMs
  let outcome = first
  let isUncertain = false
  for (let attempt = 0; ; attempt++) {
    if (outcome.kind === 'counted') return outcome.value
    if (outcome.kind === 'duplicate') return valueAfter(stream, add, outcome.seq)
    if (outcome.kind === 'failed') {
      // This try failed, an earlier one may be counted all the same.
      throw isUncertain ? uncertain(add, outcome.error.message, outcome.error) : outcome.error
    }
    if (outcome.kind === 'unknown') {
      isUncertain = true
      stream.logger?.warn({ ...about(add), why: outcome.why }, 'an add may be counted or not: finding out')
    }
    if (outcome.kind === 'unheard') await refuseUnheard(stream, add.msg.subject)
    if (performance.now() >= deadline) throw outOfTime(stream, add, isUncertain, outcome.why)
    await backOff(attempt)
    if (!(await stream.wire.whenConnected(deadline - performance.now()))) {
      throw outOfTime(stream, add, isUncertain, 'there is no connection to NATS')
    }
    if (isUncertain) await refuseForgotten(stream, add)
    outcome = outcomeOf(stream.name, await stream.wire.request(add.msg))
  }
}

/**
 * Sending again is safe only as long as the server knows the message again. Half of the duplicate window is left for what may be on its way for
 * long; and a server that restarts learns the ids from the messages it has kept, which a full history no longer vouches for.
 */
async function refuseForgotten(stream: CounterStream, add: Add): Promise<void> {
  const info = await streamInfo(stream, { subjects_filter: add.msg.subject }).catch((error: unknown) => {
    throw uncertain(add, 'asking whether it may be sent again failed', error)
  })
  const why = whyForgotten(info, add)
  if (why !== undefined) throw uncertain(add, why)
}

function whyForgotten(info: Json, add: Add): string | undefined {
  const config = at(info, 'config')
  const windowMs = windowOf(config)
  if (ageOf(add) > windowMs / 2) return `the stream's duplicate window of ${windowMs} ms is too short to send it again`
  const history = limitAt(config, 'max_msgs_per_subject')
  const kept = numberAt(at(at(info, 'state'), 'subjects'), add.msg.subject) ?? 0
  if (kept >= history) return `the stream keeps ${history} adds of a counter, so this one may be forgotten already`
  return undefined
}

function outOfTime(stream: CounterStream, add: Add, isUncertain: boolean, why: string): CounterError {
  if (isUncertain) return uncertain(add, why)
  const message = `adding ${add.delta} to ${add.msg.subject}: nothing was counted within ${stream.timeoutMs} ms: ${why}`
  return counterError('PUBLISH', new UnavailableError(message))
}

function uncertain(add: Add, why: string, cause?: unknown): CounterError {
  return new CounterError('UNCERTAIN', `adding ${add.delta} to ${add.msg.subject} may be counted or not: ${why}`, {
    cause,
  })
}

function about({ delta, messageId, msg }: Add): object {
  return { subject: msg.subject, delta: String(delta), messageId }
}
