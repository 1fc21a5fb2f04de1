import type { Metadata } from '../domain/event-sourced.js'
import type { EntityKey } from './entity-key.js'
import type { PersistedEvt } from './evt-log.js'

/**
 * An event as a log reads it. Many wait for their turn in a projection, where V8 comes to make literals in the old generation: those it collects seldom, and what
 * they hold with them.
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
