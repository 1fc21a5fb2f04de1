import type { ParkedEvt } from 'eventsourced'
import { isJson, numberAt, parseJson, stringAt } from '../wire/json.js'
import type { ParkedAt } from './offset-keys.js'
import { decodeFailure, encodeFailure } from './slice-value.js'

/** The version of the contract with others who read the bucket. */
const FORMAT_VERSION = 1
const NEW_LINE = 0x0a

/** The value of a parked event's key: a line of JSON that tells all about it, a line feed, and the event's bytes as they are. */
export function encodeParked({ evt, failure }: ParkedEvt): Uint8Array {
  const { key, seqNo, appendId, type, version, bytes, time, metadata } = evt
  const line = JSON.stringify({
    format: FORMAT_VERSION,
    typeName: key.typeName,
    seqNo,
    appendId,
    type,
    version,
    time: time.getTime(),
    metadata,
    failure: failure && encodeFailure(failure),
  })
  return Buffer.concat([Buffer.from(`${line}\n`), bytes])
}

/** What a parked event's key says; undefined if it is not one of ours. */
export function decodeParked({ id, position }: ParkedAt, data: Uint8Array): ParkedEvt | undefined {
  const end = Math.max(data.indexOf(NEW_LINE), 0)
  const json = parseJson(Buffer.from(data.subarray(0, end)).toString())
  const typeName = stringAt(json, 'typeName')
  if (json['format'] !== FORMAT_VERSION || typeName === undefined) return undefined
  return {
    evt: {
      key: { typeName, id },
      seqNo: numberAt(json, 'seqNo') ?? 0,
      position,
      appendId: stringAt(json, 'appendId') ?? '',
      type: stringAt(json, 'type') ?? '',
      version: numberAt(json, 'version') ?? 0,
      bytes: data.subarray(end + 1),
      time: new Date(numberAt(json, 'time') ?? 0),
      metadata: decodeMetadata(json['metadata']),
    },
    failure: decodeFailure(json['failure']),
  }
}

function decodeMetadata(json: unknown): Record<string, string> {
  const texts = Object.entries(isJson(json) ? json : {}).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(texts.map(([name, value]) => [name, String(value)]))
}
