import { nuid } from 'nats'
import { invalidInput } from './counter-error.js'

const ID = /^[\x21-\x7e]{1,128}$/

/** The header by which the server knows a message again. */
export const MESSAGE_ID_HEADER = 'Nats-Msg-Id'

/**
 * The message id of an add: the caller's, made one of this stream's and this counter's, since the server looks for it in all of the
 * stream; or a new one.
 *
 * @throws {CounterError} `INVALID_INPUT`
 */
export function messageId(stream: string, subject: string, id: unknown): string {
  if (id === undefined) return nuid.next()
  if (typeof id === 'string' && ID.test(id)) return `${prefix(stream, subject)}${id}`
  throw invalidInput('id', id, '1 to 128 printable ASCII characters, no spaces')
}

/** The caller's id in a message id; undefined if there was none, or the add was made on another stream. */
export function callersId(stream: string, subject: string, id: string | undefined): string | undefined {
  const start = prefix(stream, subject)
  return id?.startsWith(start) === true ? id.slice(start.length) : undefined
}

/** Header fields are ASCII; subjects need not be. */
function prefix(stream: string, subject: string): string {
  return `${stream} ${encodeURIComponent(subject)} `
}
