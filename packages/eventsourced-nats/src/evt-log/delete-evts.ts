import type { EntityKey } from 'eventsourced'
import { UnavailableError } from 'eventsourced'
import { pubReply } from '../wire/ack.js'
import { byPackage } from '../wire/by-package.js'
import { type MsgHead, tombstoneHeader } from './evt-message.js'
import { readHead } from './head.js'
import { outcomeOf } from './persist/outcome.js'
import type { RecentHeads } from './recent-heads.js'
import { replay } from './read/replay.js'
import { persistently } from '../wire/persistently.js'
import type { Stream } from './stream.js'
import { subjectOf } from './subject.js'

const NO_PAYLOAD = new Uint8Array(0)

/**
 * Deletes an entity's events up to a seqNo by purging what stands below the first one that stays. The newest event is replaced by a
 * tombstone before it goes, so that the subject is never without its last message, by which the next append is fenced.
 *
 * Every step may be repeated: a deletion that was cut off is finished by the next one.
 */
export async function deleteEvts(stream: Stream, recent: RecentHeads, key: EntityKey, toSeqNo: number): Promise<void> {
  const subject = subjectOf(stream.name, key)
  await persistently(stream, `deleting events of ${key.typeName} ${key.id}`, undefined, async () => {
    const head = await readHead(stream, recent, subject)
    if (head === undefined || toSeqNo === 0) return
    const isPart = toSeqNo < head.seqNo
    const stays = isPart ? await firstAfter(stream, subject, toSeqNo, head) : await bury(stream, subject, head)
    // The next append is fenced by the tombstone.
    if (!isPart) recent.set(subject, { ...head, seq: stays, isTombstone: true })
    await purgeBelow(stream, subject, stays)
  })
}

/** The stream sequence of the first message behind a seqNo. */
async function firstAfter(stream: Stream, subject: string, seqNo: number, head: MsgHead): Promise<number> {
  for await (const [first] of replay(stream, { subject, from: seqNo + 1, to: head.seqNo, head })) {
    if (first !== undefined) return first.head.seq
  }
  return head.seq
}

/** Puts a tombstone behind the head, and answers its stream sequence. */
async function bury({ name, wire }: Stream, subject: string, head: MsgHead): Promise<number> {
  if (head.isTombstone) return head.seq
  const header = `${tombstoneHeader(head)}Nats-Expected-Last-Subject-Sequence: ${head.seq}\r\n\r\n`
  const reply = await wire.request({ subject, header, payload: NO_PAYLOAD })
  const outcome = outcomeOf(pubReply(name, reply), 1)
  if (outcome.kind === 'stored') return outcome.lastSeq
  if (outcome.kind === 'refused') throw outcome.error
  // Somebody was first, or the answer is lost: the head read anew tells.
  throw new UnavailableError(`a tombstone for event ${head.seqNo} on ${subject} was not stored: ${outcome.kind}`)
}

async function purgeBelow({ name, wire, manager }: Stream, subject: string, seq: number): Promise<void> {
  await byPackage(wire, `deleting events on ${subject}`, () => manager.streams.purge(name, { filter: subject, seq }))
}
