import { sliceOf } from 'eventsourced'
import { splitAppendId } from '../append-id.js'
import {
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  jsonbArray,
  textArray,
  uuidArray,
} from '../database/binary-array.js'
import type { Parameter } from '../database/statement.js'
import { sliceTopic } from '../database/waiters.js'
import type { Waiting } from './waiting.js'

const MAX_NOTIFICATION_BYTES = 7_999

/** An append of one event as parameters of `append_one`. */
export function encodeOne({ append }: Waiting, lockTimeoutMs: number): Parameter[] {
  const { key, expected, appendId, groups } = append
  const evt = groups[0]?.[0]
  if (evt === undefined) throw new Error('an append without events has passed the check')
  const { writer, no } = splitAppendId(appendId)
  return [
    String(lockTimeoutMs),
    key.typeName,
    key.id,
    sliceOf(key.id),
    expected.seqNo,
    expected.position,
    writer,
    no,
    evt.type,
    evt.version,
    Buffer.from(evt.bytes.buffer, evt.bytes.byteOffset, evt.bytes.byteLength),
    metadataJson(evt.metadata) ?? null,
  ]
}

/** A batch as parameters of `append_batch`: a column an array, an event an element. */
export function encodeBatch(batch: readonly Waiting[], lockTimeoutMs: number): Parameter[] {
  const appends: number[] = []
  const typeNames: string[] = []
  const ids: string[] = []
  const slices: number[] = []
  const seqNos: number[] = []
  const expectedPositions: (number | undefined)[] = []
  const writers: string[] = []
  const appendNos: number[] = []
  const types: string[] = []
  const versions: number[] = []
  const bytes: Uint8Array[] = []
  const metadata: (string | undefined)[] = []
  for (const [index, { append, groups }] of batch.entries()) {
    const { key, expected } = append
    const slice = sliceOf(key.id)
    const { no } = splitAppendId(append.appendId)
    let seqNo = expected.seqNo
    for (let group = 0; group < groups; group++) {
      for (const evt of append.groups[group] ?? []) {
        expectedPositions.push(seqNo === expected.seqNo ? expected.position : undefined)
        appends.push(index)
        typeNames.push(key.typeName)
        ids.push(key.id)
        slices.push(slice)
        seqNos.push(++seqNo)
        writers.push(append.appendId)
        appendNos.push(no)
        types.push(evt.type)
        versions.push(evt.version)
        bytes.push(evt.bytes)
        metadata.push(metadataJson(evt.metadata))
      }
    }
  }
  return [
    String(lockTimeoutMs),
    notification(typeNames, slices),
    int4Array(appends),
    textArray(typeNames),
    uuidArray(ids),
    int2Array(slices),
    int8Array(seqNos),
    int8Array(expectedPositions),
    uuidArray(writers),
    int8Array(appendNos),
    textArray(types),
    int4Array(versions),
    byteaArray(bytes),
    jsonbArray(metadata),
  ]
}

/** The slices of types that have new events; nothing, which means any, where they are too many for a notification. */
function notification(typeNames: readonly string[], slices: readonly number[]): string {
  const text = [...new Set(typeNames.map((typeName, nth) => sliceTopic(typeName, slices[nth] ?? 0)))].join(' ')
  return text.length > MAX_NOTIFICATION_BYTES ? '' : text
}

function metadataJson(metadata: Readonly<Record<string, string>>): string | undefined {
  for (const _ in metadata) return JSON.stringify(metadata)
  return undefined
}
