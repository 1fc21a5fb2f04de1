import type { Metadata } from '../domain/event-sourced.js'
import { InvalidInputError, RefusedError } from '../errors.js'
import { isReserved } from '../log/reserved.js'

/** On a command's last event: the id that its caller gave, and its encoded reply in base64. */
const CMD_ID = 'es-cmd-id'
const CMD_REPLY = 'es-cmd-reply'

/** The most bytes that the encoded reply of a command with an id may have: it is stored beside the events, in their metadata. */
export const MAX_REPLY_BYTES = 8_192

/** Metadata with a command's id and reply added. @throws {RefusedError} `too-large` */
export function withCmdId(metadata: Metadata, cmdId: string, reply: string | undefined): Metadata {
  const replyBytes = reply === undefined ? 0 : Buffer.byteLength(reply, 'base64')
  if (replyBytes > MAX_REPLY_BYTES) {
    throw new RefusedError(
      'too-large',
      `the encoded reply to the command with the cmdId ${cmdId} has ${replyBytes} bytes: at most ${MAX_REPLY_BYTES} are kept beside its events`,
    )
  }
  return { ...metadata, [CMD_ID]: cmdId, ...(reply === undefined ? {} : { [CMD_REPLY]: reply }) }
}

/** The command's id and reply that an event bears, if it is the last of a command with an id. */
export function readCmdId(metadata: Metadata): { cmdId: string; reply: string | undefined } | undefined {
  const cmdId = metadata[CMD_ID]
  return cmdId === undefined ? undefined : { cmdId, reply: metadata[CMD_REPLY] }
}

/** Refuses metadata that would pass for the library's own. @throws {InvalidInputError} */
export function checkNothingReserved(metadata: Metadata): void {
  const reserved = Object.keys(metadata).find(isReserved)
  if (reserved !== undefined) throw new InvalidInputError('metadata', reserved, "names that don't begin with es-")
}
