import type { EntityKey } from './entity-key.js'
import type { Append, Head, NewEvt } from './evt-log.js'

/**
 * An append whose frame is right by the way it was made: the key is one of `entityKey`, the appendId one of `appendIds`, the head one that the
 * log gave, and no group is empty. The runtime makes these; looking at all of it again would cost each command a fifth of its time.
 */
export class CheckedAppend implements Append {
  readonly key: EntityKey
  readonly expected: Head
  readonly appendId: string
  readonly groups: readonly (readonly NewEvt[])[]

  constructor(key: EntityKey, expected: Head, appendId: string, groups: readonly (readonly NewEvt[])[]) {
    this.key = key
    this.expected = expected
    this.appendId = appendId
    this.groups = groups
  }
}
