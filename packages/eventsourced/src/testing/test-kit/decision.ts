import { inspect } from 'node:util'
import type { CmdEffect } from '../../domain/effect.js'
import type { CmdContext } from '../../domain/event-sourced.js'
import { failure } from './assert-same.js'
import { applyAll, type Happened, stateAfter, type Tested } from './past.js'
import { sameAgain, unchanging, untilLater } from './purity.js'
import { plainCopy } from './survivors.js'

/** What a command comes to. */
export type Decision<Evt, State> =
  | {
      readonly kind: 'accepted'
      readonly evts: readonly Evt[]
      readonly reply: unknown
      /** The events before and the new ones. */
      readonly past: readonly Happened<Evt, State>[]
    }
  | { readonly kind: 'rejected'; readonly rejection: unknown }

/**
 * Has a command handled, twice.
 *
 * @throws {AssertionError} if that comes to two decisions, a handler changes what it is given, or something does not survive; what a handler throws
 */
export function decide<Cmd, Evt, State>(
  tested: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
  cmd: Cmd,
  context: Omit<CmdContext, 'seqNo'>,
): Decision<Evt, State> {
  const once = () => decideOnce(tested, past, cmd, context)
  const decision = once()
  untilLater()
  return sameAgain('the same command comes to another decision, so handleCmd is not pure', decision, once)
}

function decideOnce<Cmd, Evt, State>(
  tested: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
  cmd: Cmd,
  context: Omit<CmdContext, 'seqNo'>,
): Decision<Evt, State> {
  const { domain, survivors } = tested
  const seqNo = past.length
  const state = stateAfter(tested, past)
  const given = () => ({
    state: survivors.state(state, seqNo),
    cmd: copyOf(cmd),
    context: { ...context, seqNo, now: new Date(context.now) },
  })
  const effect: CmdEffect<Cmd, Evt, State> = unchanging('handleCmd', given, (given) =>
    domain.handleCmd(given.state, given.cmd, given.context),
  )
  switch (effect?.effect) {
    case 'reject':
      return { kind: 'rejected', rejection: effect.rejection }
    case 'reply':
      return { kind: 'accepted', evts: [], reply: effect.reply, past }
    case 'persist': {
      const { evts, thenReply } = effect
      const now = applyAll(tested, past, evts)
      const reply = thenReply && replyFrom(tested, now, thenReply)
      // A reply is stored only where there are events for it to travel with.
      if (evts.length > 0) survivors.reply(reply)
      return { kind: 'accepted', evts, reply, past: now }
    }
    default:
      throw failure(`handleCmd returned ${inspect(effect)}: expected persist(), reply() or reject()`)
  }
}

function replyFrom<Cmd, Evt, State>(
  tested: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
  thenReply: (state: State) => unknown,
): unknown {
  const given = () => ({ state: tested.survivors.state(stateAfter(tested, past), past.length) })
  return unchanging('thenReply', given, ({ state }) => thenReply(state))
}

function copyOf<Cmd>(cmd: Cmd): Cmd {
  const plain = plainCopy(cmd)
  if (plain === undefined) throw failure(`the command is not plain data: ${inspect(cmd)}`)
  return plain.copy
}
