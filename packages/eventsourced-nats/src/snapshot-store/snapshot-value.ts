import type { Snapshot } from 'eventsourced'
import { numberAt, parseJson, stringAt } from '../wire/json.js'

/** A snapshot as it is kept under a key, and which older ones are kept beside it. */
export interface KeptSnapshot {
  readonly snapshot: Snapshot
  /** The seqNos of the older snapshots that are kept under keys of their own, newest first. */
  readonly older: readonly number[]
}

const NEW_LINE = 0x0a
/** The version of the contract with others who read the bucket. */
const FORMAT_VERSION = 1

/**
 * The value of a key: a line of JSON that tells what it is, a line feed, and the state's bytes as they are.
 *
 * @example
 * {"format":1,"seqNo":1000,"appendId":"0193…-7","version":1,"older":[]}⏎…
 */
export function encodeSnapshot({ snapshot, older }: KeptSnapshot): Uint8Array {
  const { seqNo, appendId, version, bytes } = snapshot
  const line = `${JSON.stringify({ format: FORMAT_VERSION, seqNo, appendId, version, older })}\n`
  return Buffer.concat([Buffer.from(line), bytes])
}

/** What a key's value says; undefined if it is not one of ours. */
export function decodeSnapshot(value: Uint8Array): KeptSnapshot | undefined {
  const end = value.indexOf(NEW_LINE)
  const line = parseJson(Buffer.from(value.subarray(0, Math.max(end, 0))).toString())
  const seqNo = numberAt(line, 'seqNo')
  const appendId = stringAt(line, 'appendId')
  const version = numberAt(line, 'version')
  if (line['format'] !== FORMAT_VERSION) return undefined
  if (seqNo === undefined || appendId === undefined || version === undefined) return undefined
  const older = Array.isArray(line['older']) ? line['older'].filter((one) => typeof one === 'number') : []
  return { snapshot: { seqNo, appendId, version, bytes: value.subarray(end + 1) }, older }
}
