import { type EventSourcedError, UnavailableError } from 'eventsourced'
import { NatsError } from 'nats'
import type { Stream } from '../stream.js'

const STREAM_NOT_FOUND = 10059

/**
 * Tells whether a stream is gone for good, by what attempts to read it fail with. A cluster that has just been started may say that there is none, and
 * one without a leader says something else: so a stream is gone once nothing but that was answered for as long as the stream's timeout.
 *
 * @returns what is to be called with each failure: it answers with the error to end with once the stream is gone
 */
export function missingStream({ name, timeoutMs }: Stream): (failure: unknown) => EventSourcedError | undefined {
  let since: number | undefined
  return (failure) => {
    if (!(failure instanceof NatsError) || failure.api_error?.err_code !== STREAM_NOT_FOUND) {
      since = undefined
      return undefined
    }
    since ??= performance.now()
    if (performance.now() - since < timeoutMs) return undefined
    const message = `the stream ${name} is gone: for ${timeoutMs} ms the server has answered that there is none. Restore it, and read again`
    return new UnavailableError(message, { cause: failure })
  }
}
