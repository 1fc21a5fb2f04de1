import { EventSourcedError } from '../errors.js'
import { type EntityKey, nameOf } from '../log/entity-key.js'

/** The log copied to holds what is not a copy. Nothing of this entity was changed there. */
export class CopyDiffersError extends EventSourcedError {
  override readonly name: string = 'CopyDiffersError'
  readonly key: EntityKey
  readonly seqNo: number

  constructor(key: EntityKey, seqNo: number, difference: string) {
    super(
      'COPY_DIFFERS',
      `event ${seqNo} of ${nameOf(key)} in the log copied to is not a copy: ${difference}. Copy to a log without these entities, or delete their events there`,
    )
    this.key = key
    this.seqNo = seqNo
  }
}
