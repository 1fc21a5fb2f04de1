import { type Append, type NewEvt, type Persisted, RefusedError } from 'eventsourced'
import type { OutMsg } from '../../wire/outbox.js'
import { evtHeader, MAX_LINE_BYTES, typeText } from '../evt-message.js'
import { metadataLines } from '../metadata.js'

/** The most messages that the server takes as one atomic batch. */
export const MAX_BATCH_MSGS = 1_000
/** How many bytes of events go into one atomic batch; a single larger group goes alone. */
export const MAX_BATCH_BYTES = 4_194_304
/** Below so many waiting events storing a single one at once is quicker than a batch, which costs the server some 2 ms. */
const MIN_BATCHED_EVTS = 16
/** More than all header lines together that a fence and a batch add to a message. */
const MAX_ADDED_BYTES = 256
/** nats-server counts a message's headers in 16 bits. */
const MAX_HEADER_BYTES = 65_535

/** A message of a write. The rest of its header block is made when it is sent: most are sent once, and many may wait for it. */
export interface WriteMsg {
  readonly evt: NewEvt
  /** The header lines for its metadata. */
  readonly metadata: string
  /** At least as many as its header block will have. */
  readonly headerBytes: number
}

/** What is put on the wire for an append: the groups that are to be stored together. */
export interface Write {
  readonly subject: string
  readonly append: Append
  /** How many of the append's groups it holds, each whole. */
  readonly groups: number
  readonly msgs: readonly WriteMsg[]
  readonly bytes: number
  /** The stream sequence that the subject's last message must have. */
  fence: number
}

/**
 * Takes as many groups of an append as are best stored at once: the first one if it is a single event and few others wait, else all
 * that fit into a batch. The same append always makes the same write.
 *
 * @throws {RefusedError} with the reason `too-large` if the first group can't be stored, whatever is done
 */
export function writeOf(append: Append, subject: string, maxPayload: number): Write {
  const { expected, groups } = append
  const goesAlone = groups[0]?.length === 1 && countEvts(groups) < MIN_BATCHED_EVTS
  let msgs: WriteMsg[] = []
  let taken = 0
  let bytes = 0
  for (const group of groups) {
    if (taken > 0 && (goesAlone || msgs.length + group.length > MAX_BATCH_MSGS)) break
    const added = group.map(msgOf)
    const tooLarge = whyTooLarge(added, maxPayload)
    // The groups before it can be stored; that it can't is said when it is the first.
    if (tooLarge !== undefined && taken > 0) break
    if (tooLarge !== undefined) throw new RefusedError('too-large', tooLarge)
    let size = 0
    for (const msg of added) size += sizeOf(msg)
    if (taken > 0 && bytes + size > MAX_BATCH_BYTES) break
    // Most appends are of one group: they keep its array.
    if (taken === 0) msgs = added
    else for (const msg of added) msgs.push(msg)
    bytes += size
    taken++
  }
  return { subject, append, groups: taken, msgs, bytes, fence: expected.position }
}

function countEvts(groups: Append['groups']): number {
  let count = 0
  for (const group of groups) count += group.length
  return count
}

function msgOf(evt: NewEvt): WriteMsg {
  const metadata = metadataLines(evt.metadata)
  return { evt, metadata, headerBytes: MAX_LINE_BYTES + typeText(evt.type).length + metadata.length + MAX_ADDED_BYTES }
}

function sizeOf({ evt, headerBytes }: WriteMsg): number {
  return headerBytes + evt.bytes.byteLength
}

function whyTooLarge(group: readonly WriteMsg[], maxPayload: number): string | undefined {
  if (group.length > MAX_BATCH_MSGS) {
    return `a command's ${group.length} events are too many: JetStream stores at most ${MAX_BATCH_MSGS} as one`
  }
  for (const msg of group) {
    if (sizeOf(msg) > maxPayload) {
      return `an event of ${msg.evt.bytes.byteLength} bytes is too large: with its headers it must fit ${maxPayload}, the server's max_payload or the stream's max_msg_size`
    }
    if (msg.headerBytes > MAX_HEADER_BYTES) {
      return `an event's metadata is too large: with the other headers it must fit ${MAX_HEADER_BYTES} bytes`
    }
  }
  return undefined
}

/** What to answer once a write is stored, its events one behind the other up to `lastSeq`. */
export function persistedOf({ append, groups, msgs }: Write, lastSeq: number): Persisted {
  const first = lastSeq - msgs.length + 1
  const head = { seqNo: append.expected.seqNo + msgs.length, position: lastSeq }
  return { groups, head, positions: msgs.map((_, index) => first + index) }
}

/** Where a message stands in a batch. */
export interface BatchPlace {
  readonly id: string
  /** 1 for the first. */
  readonly sequence: number
  readonly isLast: boolean
}

/** A write's message at an index as it goes out. The fence stands on the first message of each subject only. */
export function outMsg({ subject, append, msgs, fence }: Write, index: number, place?: BatchPlace): OutMsg {
  const msg = msgs[index]
  if (msg === undefined) throw new Error(`a write of ${msgs.length} messages has none at ${index}`)
  const lines = evtHeader(append.expected.seqNo + index + 1, append.appendId, msg.evt)
  const fenceLine = index === 0 ? `Nats-Expected-Last-Subject-Sequence: ${fence}\r\n` : ''
  const header = `${lines}${msg.metadata}${fenceLine}${place === undefined ? '' : batchLines(place)}\r\n`
  return { subject, header, payload: msg.evt.bytes }
}

function batchLines({ id, sequence, isLast }: BatchPlace): string {
  return `Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${sequence}\r\n${isLast ? 'Nats-Batch-Commit: 1\r\n' : ''}`
}
