import type { EventSourced } from '../../domain/event-sourced.js'
import { sameAgain, unchanging, untilLater } from './purity.js'
import type { Survivors } from './survivors.js'

/** What is tested. */
export interface Tested<Cmd, Evt, State> {
  readonly domain: EventSourced<Cmd, Evt, State>
  readonly survivors: Survivors<Evt, State>
}

/** An event and the state after it. An entity's past is the list of its events, the first one's seqNo is 1. */
export interface Happened<Evt, State> {
  readonly evt: Evt
  readonly state: State
}

export function stateAfter<Cmd, Evt, State>(
  { domain }: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
): State {
  const last = past.at(-1)
  return last === undefined ? domain.initialState : last.state
}

/**
 * The past with more events, each applied to what would come back of the state before it.
 *
 * @throws {AssertionError} if the event handler changes what it is given, or an event or a state does not survive; what the handler throws
 */
export function applyAll<Cmd, Evt, State>(
  tested: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
  evts: readonly Evt[],
): readonly Happened<Evt, State>[] {
  const { domain, survivors } = tested
  const applied = [...past]
  for (const evt of evts) {
    const seqNo = applied.length + 1
    const before = stateAfter(tested, applied)
    const given = () => ({ state: survivors.state(before, seqNo - 1), evt: survivors.evt(evt, seqNo) })
    const state = unchanging(`handleEvt, given event ${seqNo},`, given, (given) =>
      domain.handleEvt(given.state, given.evt, seqNo),
    )
    survivors.state(state, seqNo)
    applied.push({ evt, state })
  }
  return applied
}

/** Replays the stored events from the initial state on. @throws {AssertionError} if that leads to other states */
export function replayAll<Cmd, Evt, State>(
  { domain, survivors }: Tested<Cmd, Evt, State>,
  past: readonly Happened<Evt, State>[],
): void {
  untilLater()
  let state = survivors.state(domain.initialState, 0)
  for (const [index, { evt, state: before }] of past.entries()) {
    const seqNo = index + 1
    const message = `replaying event ${seqNo} leads to another state, so handleEvt is not pure`
    state = sameAgain(message, before, () => domain.handleEvt(state, survivors.evt(evt, seqNo), seqNo))
  }
}
