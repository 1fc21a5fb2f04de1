import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Metadata } from 'eventsourced'
import { isJson, parseJson } from '../wire/json.js'

// nats-server takes at most 64 KiB of headers, all together. What may get longer is packed.
const MAX_PLAIN_CHARS = 32_768
const MAX_INFLATED_BYTES = 1_048_576
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** One for all events without any: readers keep many of them. */
const NONE: Metadata = Object.freeze({})

/**
 * The header lines for an event's metadata, none if there is none. All names and values stand as values in one header: names of
 * the caller's choosing would reach the server as instructions. `traceparent` stands beside it too, for those who trace messages.
 */
export function metadataLines(metadata: Metadata): string {
  if (isEmpty(metadata)) return ''
  const json = asciiJson(metadata)
  const { traceparent } = metadata
  const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? `traceparent: ${traceparent}\r\n` : ''
  if (json.length <= MAX_PLAIN_CHARS) return `Es-Metadata: ${json}\r\n${trace}`
  return `Es-Metadata-Deflated: ${deflateRawSync(JSON.stringify(metadata)).toString('base64')}\r\n${trace}`
}

/** The metadata that {@link metadataLines} has written, by what `Es-Metadata` and `Es-Metadata-Deflated` say. */
export function metadataOf(plain: string | undefined, deflated: string | undefined): Metadata {
  const json =
    deflated === undefined
      ? plain
      : inflateRawSync(Buffer.from(deflated, 'base64'), { maxOutputLength: MAX_INFLATED_BYTES }).toString('utf8')
  return json === undefined ? NONE : strings(parseJson(json))
}

function isEmpty(metadata: Metadata): boolean {
  for (const _ in metadata) return false
  return true
}

function strings(json: unknown): Metadata {
  if (!isJson(json)) return {}
  return Object.fromEntries(
    Object.entries(json).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** JSON of printable ASCII characters alone: headers are lines, and not all clients take them for UTF-8. */
function asciiJson(value: Metadata): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
