import { pubReply } from '../../wire/ack.js'
import type { Stream } from '../stream.js'
import { type Outcome, outcomeOf } from './outcome.js'
import { outMsg, type Write, type WriteMsg } from './write.js'

/** Sends a write of one message by itself: many are on their way at once. */
export function sendSingle({ name, wire }: Stream, write: Write, msg: WriteMsg): Promise<Outcome> {
  return wire.request(outMsg(write, msg, true)).then((reply) => outcomeOf(pubReply(name, reply), 1))
}
