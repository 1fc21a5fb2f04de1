import type { Failure, Offset, SliceRecord } from 'eventsourced'
import { isJson, type Json, numberAt, parseJson, stringAt } from '../wire/json.js'

/** A slice's record, and what is not yet tidied up behind it. */
export interface Kept {
  readonly record: SliceRecord
  /** The positions of events that are parked no longer, though their keys from before the record's revision may still be there. */
  readonly unparked: readonly number[]
}

/** The version of the contract with others who read the bucket. */
const FORMAT_VERSION = 1
const BEGINNING: Offset = { position: 0, appendId: '', id: '', seqNo: 0 }

/** Of a slice that nobody has claimed. */
export function beginning(slice: number): Kept {
  const record = { slice, epoch: 0, revision: 0, offset: BEGINNING, failure: undefined, done: undefined }
  return { record, unparked: [] }
}

/** The value of a slice's key. Its revision is the bucket's. */
export function encodeSlice({ record, unparked }: Kept): Uint8Array {
  const { epoch, offset, failure, done } = record
  return Buffer.from(
    JSON.stringify({
      format: FORMAT_VERSION,
      epoch,
      offset,
      failure: failure && encodeFailure(failure),
      done,
      unparked: unparked.length === 0 ? undefined : unparked,
    }),
  )
}

/** What a slice's key says; undefined if it is not one of ours. */
export function decodeSlice(slice: number, revision: number, data: Uint8Array): Kept | undefined {
  const json = parseJson(Buffer.from(data).toString())
  const epoch = numberAt(json, 'epoch')
  const offset = decodeOffset(json['offset'])
  if (json['format'] !== FORMAT_VERSION || epoch === undefined || offset === undefined) return undefined
  const { unparked } = json
  return {
    record: { slice, epoch, revision, offset, failure: decodeFailure(json['failure']), done: stringAt(json, 'done') },
    unparked: Array.isArray(unparked) ? unparked.filter((position) => typeof position === 'number') : [],
  }
}

function decodeOffset(json: unknown): Offset | undefined {
  if (!isJson(json)) return undefined
  const [position, seqNo] = [numberAt(json, 'position'), numberAt(json, 'seqNo')]
  const [appendId, id] = [stringAt(json, 'appendId'), stringAt(json, 'id')]
  if (position === undefined || seqNo === undefined || appendId === undefined || id === undefined) return undefined
  return { position, appendId, id, seqNo }
}

/** A failure as JSON. */
export function encodeFailure({ at, ...failure }: Failure): Json {
  return { ...failure, at: at.getTime() }
}

/** A failure from JSON; undefined if there is none. */
export function decodeFailure(json: unknown): Failure | undefined {
  if (!isJson(json)) return undefined
  return {
    code: stringAt(json, 'code') ?? '',
    message: stringAt(json, 'message') ?? '',
    at: new Date(numberAt(json, 'at') ?? 0),
    attempts: numberAt(json, 'attempts') ?? 0,
    stopped: json['stopped'] === true,
  }
}
