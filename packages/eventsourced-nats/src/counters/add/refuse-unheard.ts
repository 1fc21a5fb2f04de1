import { invalidInput } from '../counter-error.js'
import { at, type CounterStream, streamInfo } from '../counter-stream.js'

/**
 * Refuses what another stream would get, or none: the server takes no header that says which one is meant. The settings may have changed
 * since they were read.
 *
 * @throws {CounterError} `INVALID_INPUT`
 */
export async function refuseUnheard(stream: CounterStream, subject: string): Promise<void> {
  const info = await streamInfo(stream, {})
  if (stream.listensOn(subject)) return
  const subjects = JSON.stringify(at(info, 'config')['subjects'] ?? [])
  throw invalidInput('subject', subject, `one that the stream ${stream.name} listens on, which are ${subjects}`)
}
