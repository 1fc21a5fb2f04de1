import { RefusedError } from 'eventsourced'
import { meaningOf, wordsOf } from '../../errors/codes.js'
import type { PubReply } from '../../wire/ack.js'

/** How one try to store a write ended. */
export type Outcome =
  | { readonly kind: 'stored'; readonly lastSeq: number }
  /** The subject's last message is not the expected one, or another message for it is being stored. Nothing of this try is stored. */
  | { readonly kind: 'conflict' }
  /** Nothing of this try is stored; the next one may succeed. */
  | { readonly kind: 'not-stored'; readonly why: string }
  /** Nothing of this try is stored, and no other try will do better. */
  | { readonly kind: 'refused'; readonly error: RefusedError }
  /** Whether it is stored is unknown. */
  | { readonly kind: 'unknown'; readonly why: string }

/** What a reply says of a write of `count` messages. */
export function outcomeOf(reply: PubReply, count: number): Outcome {
  switch (reply.kind) {
    case 'stored':
      if (reply.count !== count)
        return { kind: 'unknown', why: `${reply.count} messages were acknowledged of ${count}` }
      return { kind: 'stored', lastSeq: reply.seq }
    case 'no-responders':
      return { kind: 'not-stored', why: 'no stream listens: it is missing, or has no leader' }
    case 'not-sent':
      return { kind: 'not-stored', why: reply.why }
    case 'lost':
      return { kind: 'unknown', why: reply.why }
    case 'forbidden':
      return { kind: 'refused', error: new RefusedError('forbidden', reply.why) }
    case 'error': {
      const meaning = meaningOf(reply)
      if (meaning === 'conflict') return { kind: 'conflict' }
      if (meaning === 'retry') return { kind: 'not-stored', why: wordsOf(reply) }
      // An error that nobody has thought of promises nothing.
      if (meaning === undefined) return { kind: 'unknown', why: wordsOf(reply) }
      return { kind: 'refused', error: new RefusedError(meaning, wordsOf(reply)) }
    }
  }
}
