import type { Metadata } from '../domain/event-sourced.js'
import type { EntityKey } from './entity-key.js'
import type { PersistedEvt } from './evt-log.js'

/**
 * For authors of logs: an event that was read, made of its parts. Many wait for their turn in a projection. Literals that do V8 comes to make in the old generation, which it
 * collects seldom, with all that they hold; what this one is made of dies at once.
 */
export class ReadEvt implements PersistedEvt {
  readonly key: EntityKey
  readonly seqNo: number
  readonly position: number
  readonly appendId: string
  readonly type: string
  readonly version: number
  readonly bytes: Uint8Array
  readonly time: Date
  readonly metadata: Metadata

  constructor({ key, seqNo, position, appendId, type, version, bytes, time, metadata }: PersistedEvt) {
    this.key = key
    this.seqNo = seqNo
    this.position = position
    this.appendId = appendId
    this.type = type
    this.version = version
    this.bytes = bytes
    this.time = time
    this.metadata = metadata
  }
}
