import { isStatus } from '../../wire/header-block.js'
import { msgHead } from '../evt-message.js'
import type { StoredMsg } from '../stored-msg.js'
import type { Stream } from '../stream.js'
import { MAX_PAGE_BYTES, storedMsg } from './direct-get.js'
import type { Range, Read } from './replay.js'

/** So many messages at most are read one by one, each in a round trip. */
const MAX_STEPS = 32
/** Where the last two lie closer together than this, the server has little to look through for a page. */
const MIN_GAP = 100

/**
 * An entity's messages from its head back to the first of a range, read one by one: each bears where the one before it stands, as the
 * fence that it was stored with. Where they lie scattered this is cheaper than a page, by far: for a page the server looks at every
 * message that lies between two of them in the same block, while it finds a message by its sequence at once.
 *
 * @returns undefined if they lie together, are many or large, or if anything stands in the way: then pages are read, which knows best
 */
export async function walkBack(
  stream: Stream,
  { subject, from, to, head }: Range,
  signal?: AbortSignal,
): Promise<readonly Read[] | undefined> {
  const first = Math.max(from, 1)
  const isScattered = head.fence !== undefined && head.seq - head.fence >= MIN_GAP
  if (!isScattered || head.isTombstone || head.seqNo - first >= MAX_STEPS) return undefined
  const reads: Read[] = []
  let bytes = 0
  let seq = head.seq
  for (let seqNo = head.seqNo; seqNo >= first; seqNo--) {
    const msg = await msgAt(stream, seq)
    signal?.throwIfAborted()
    bytes += msg?.data.byteLength ?? 0
    if (msg === undefined || msg.subject !== subject || bytes > MAX_PAGE_BYTES) return undefined
    const found = msgHead(msg)
    // What is deleted is no part of the chain.
    if (found.seqNo !== seqNo || found.isTombstone) return undefined
    if (seqNo <= to) reads.push({ msg, head: found })
    // Messages that were stored as one stand one behind the other.
    seq = found.fence ?? seq - 1
  }
  return reads.toReversed()
}

/** The message at a sequence, if the server that answers has one there. */
async function msgAt({ name, wire }: Stream, seq: number): Promise<StoredMsg | undefined> {
  const payload = Buffer.from(`{"seq":${seq}}`, 'latin1')
  const reply = await wire.request({ subject: `$JS.API.DIRECT.GET.${name}`, header: '', payload })
  return reply.kind === 'msg' && !isStatus(reply.msg) ? storedMsg(reply.msg) : undefined
}
