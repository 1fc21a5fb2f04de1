import type { EntityKey } from '../log/entity-key.js'
import type { Persisted } from '../log/evt-log.js'
import type { Handled, InFlight, Standing } from './handled.js'
import type { Recovered } from './recover.js'

/** What an append that is stored, whole or in part, leads to. */
export interface Answered<Cmd, Evt, State> {
  readonly known: Recovered<State>
  /** The newest place where the domain type wants a snapshot. */
  readonly due: Standing<State> | undefined
  /** The commands that can't be answered yet, from the first one whose events are not stored. */
  readonly rest: Handled<Cmd, Evt, State>[]
}

/** Answers the commands whose events are stored, and those that wait behind them only, in their order. */
export function answerStored<Cmd, Evt, State>(
  key: EntityKey,
  { state, head, window }: Recovered<State>,
  { append, handled }: InFlight<Cmd, Evt, State>,
  { groups, positions }: Persisted,
): Answered<Cmd, Evt, State> {
  let known: Standing<State> = { state, seqNo: head.seqNo }
  let { position } = head
  let due: Standing<State> | undefined
  let groupsLeft = groups
  let evtCount = 0
  let answered = 0
  for (const one of handled) {
    if (one.group.length > 0) {
      if (groupsLeft === 0) break
      groupsLeft -= 1
      evtCount += one.group.length
      position = positions[evtCount - 1] ?? 0
      due = one.snapshot ?? due
    }
    if (one.remembered !== undefined) {
      one.remembered.position = position
      window.add(one.remembered)
    }
    answer(key, one, one.seqNo, position)
    known = one
    answered += 1
  }
  return {
    known: { state: known.state, head: { seqNo: known.seqNo, position, appendId: append.appendId }, window },
    due,
    rest: answered === handled.length ? [] : handled.slice(answered),
  }
}

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
