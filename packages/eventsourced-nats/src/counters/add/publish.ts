import type { CounterStream } from '../counter-stream.js'
import { type Add, outcomeOf } from './add.js'
import { refuseUnheard } from './refuse-unheard.js'
import { resolve } from './resolve.js'

/**
 * Adds, once, and answers with the counter's value after it.
 *
 * @throws {CounterError}
 */
export async function publish(stream: CounterStream, add: Add): Promise<bigint> {
  if (!stream.listensOn(add.msg.subject)) await refuseUnheard(stream, add.msg.subject)
  const outcome = outcomeOf(stream.name, await stream.wire.request(add.msg))
  return outcome.kind === 'counted' ? outcome.value : resolve(stream, add, outcome)
}
