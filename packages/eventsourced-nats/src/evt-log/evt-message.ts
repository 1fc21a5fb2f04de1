import { type NewEvt, type PersistedEvt, ReadEvt, RefusedError } from 'eventsourced'
import { metadataOf } from './metadata.js'
import type { StoredMsg } from './stored-msg.js'
import { keysInOrder } from './subject.js'

/**
 * The version of the contract with other readers of the stream: which headers a message has and what they mean. It grows only if
 * somebody who knows the older one would misread the newer.
 */
export const FORMAT_VERSION = 1

/** What need not be encoded, as nearly all types are. */
const PLAIN = /^[\w.-]+$/
const START = `NATS/1.0\r\nEs-Format: ${FORMAT_VERSION}\r\n`

/** More than all header lines of an event have together, but for its type and its metadata. */
export const MAX_LINE_BYTES = 192

/** The header block of an event, open at its end: its metadata, and how it is fenced and batched come behind. */
export function evtHeader(seqNo: number, appendId: string, { type, version }: NewEvt): string {
  return `${START}Es-Seq-No: ${seqNo}\r\nEs-Append-Id: ${appendId}\r\nEs-Type: ${typeText(type)}\r\nEs-Version: ${version}\r\n`
}

/** A type as it stands in a header. */
export function typeText(type: string): string {
  return PLAIN.test(type) ? type : encodeURIComponent(type)
}

/**
 * The header block of a tombstone, open at its end. It stands for the entity's last event, which is deleted: it has that event's seqNo,
 * appendId and position, so that the head stays what it was.
 */
export function tombstoneHeader({ seqNo, appendId, position }: MsgHead): string {
  return `${START}Es-Seq-No: ${seqNo}\r\nEs-Append-Id: ${appendId}\r\nEs-Tombstone: ${position}\r\n`
}

/** What a message, be it an event or a tombstone, says of its entity's head. */
export interface MsgHead {
  readonly seqNo: number
  readonly position: number
  readonly appendId: string
  /** Where the message stands in the stream: what the server's fence goes by. It differs from `position` for a tombstone. */
  readonly seq: number
  readonly isTombstone: boolean
  /**
   * Where the entity's message before it stands, if the message says: the server keeps the fence that an append was stored with. Only
   * the first message of several that were stored as one bears it.
   */
  readonly fence: number | undefined
}

/** What the header fields of a message of ours say, as they stand. */
interface OwnFields {
  readonly seqNo: string | undefined
  readonly appendId: string | undefined
  readonly type: string | undefined
  readonly version: string | undefined
  readonly tombstone: string | undefined
  readonly metadata: string | undefined
  readonly deflated: string | undefined
  readonly fence: string | undefined
}

/** The header block of a message as this package writes it: to read that by one expression takes a quarter of looking for each field. */
const USUAL = new RegExp(
  [
    '^NATS/1\\.0',
    `Es-Format: ${FORMAT_VERSION}`,
    'Es-Seq-No: (\\d{1,15})',
    'Es-Append-Id: (\\S+)',
    '(?:Es-Type: (\\S+)\\r\\nEs-Version: (\\d+)|Es-Tombstone: (\\d+))',
    '(?:Es-Metadata: ([^\\r]*)\\r\\n|Es-Metadata-Deflated: ([^\\r]*)\\r\\n)?(?:traceparent: [^\\r]*\\r\\n)?',
  ].join('\\r\\n') +
    '(?:Nats-Expected-Last-Subject-Sequence: (\\d+)\\r\\n)?(?:Nats-(?!Expected-)[^\\r]*\\r\\n)*\\r\\n$',
)

/** @throws {RefusedError} with the reason `bad-input` for a message that is not one of ours */
function ownFields({ seq, subject, headers }: StoredMsg): OwnFields {
  const usual = USUAL.exec(headers.block)
  if (usual !== null) {
    const [, seqNo, appendId, type, version, tombstone, metadata, deflated, fence] = usual
    return { seqNo, appendId, type, version, tombstone, metadata, deflated, fence }
  }
  const format = headers.get('Es-Format')
  const seqNo = headers.get('Es-Seq-No')
  const appendId = headers.get('Es-Append-Id')
  if (format !== String(FORMAT_VERSION) || !Number.isSafeInteger(Number(seqNo)) || appendId === undefined) {
    throw new RefusedError(
      'bad-input',
      `message ${seq} on ${subject} is not an event of format ${FORMAT_VERSION}: its headers are ${JSON.stringify(Object.fromEntries(headers)).slice(0, 200)}`,
    )
  }
  return {
    seqNo,
    appendId,
    type: headers.get('Es-Type'),
    version: headers.get('Es-Version'),
    tombstone: headers.get('Es-Tombstone'),
    metadata: headers.get('Es-Metadata'),
    deflated: headers.get('Es-Metadata-Deflated'),
    fence: headers.get('Nats-Expected-Last-Subject-Sequence'),
  }
}

/** A message of an entity's, and what its headers say: they are read once. */
export interface Read {
  readonly msg: StoredMsg
  readonly fields: OwnFields
  readonly head: MsgHead
}

/** @throws {RefusedError} with the reason `bad-input` for a message that is not one of ours */
export function readMsg(msg: StoredMsg): Read {
  const fields = ownFields(msg)
  return { msg, fields, head: headOf(msg, fields) }
}

/** @throws {RefusedError} as {@link readMsg} does */
export function msgHead(msg: StoredMsg): MsgHead {
  return headOf(msg, ownFields(msg))
}

function headOf(msg: StoredMsg, { seqNo, appendId = '', tombstone, fence }: OwnFields): MsgHead {
  const isTombstone = tombstone !== undefined
  return {
    seqNo: Number(seqNo),
    appendId,
    seq: msg.seq,
    isTombstone,
    position: isTombstone ? Number(tombstone) : msg.seq,
    fence: fence === undefined ? undefined : Number(fence),
  }
}

/**
 * Tells what event a message is, undefined for a tombstone, of messages one after another. What was stored together is of one entity and one append, and mostly of one type:
 * their keys and texts are then the same objects, which are fewer to keep and quicker to look up. Throws as {@link readMsg} does.
 */
export function readingEvts(): (msg: StoredMsg, fields?: OwnFields) => PersistedEvt | undefined {
  const toKey = keysInOrder()
  const sameAppendId = sameIfEqual()
  const sameType = sameIfEqual()
  return (msg, fields = ownFields(msg)) => {
    const { seqNo, appendId = '', type = '', version, tombstone, metadata, deflated } = fields
    if (tombstone !== undefined) return undefined
    return new ReadEvt({
      key: toKey(msg.subject),
      seqNo: Number(seqNo),
      position: msg.seq,
      appendId: sameAppendId(appendId),
      type: sameType(type.includes('%') ? decodeURIComponent(type) : type),
      version: Number(version),
      bytes: msg.data,
      time: msg.time,
      metadata: metadataOf(metadata, deflated),
    })
  }
}

function sameIfEqual(): (text: string) => string {
  let last = ''
  return (text) => (text === last ? last : (last = text))
}
