import type { EntityKey } from '../log/entity-key.js'
import type { Handled } from './handled.js'

/** Tells a command's caller how it ended, once all that it was judged on is stored. */
export function answer<Cmd, Evt, State>(
  key: EntityKey,
  { envelope, outcome }: Handled<Cmd, Evt, State>,
  seqNo: number,
  position: number,
): void {
  switch (outcome.kind) {
    case 'accepted':
      envelope.resolve({ ok: true, key, seqNo, position, evts: outcome.evts, reply: outcome.reply })
      break
    case 'repeated': {
      const { cmd, reply } = outcome
      envelope.resolve({ ok: true, repeated: true, key, seqNo: cmd.seqNo, position: cmd.position, evts: [], reply })
      break
    }
    case 'rejected':
      envelope.resolve({ ok: false, rejection: outcome.rejection })
      break
    case 'failed':
      envelope.reject(outcome.error)
      break
  }
}
