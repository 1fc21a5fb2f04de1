import type { EventSourced } from '../domain/event-sourced.js'
import { EventSourcedError, messageOf } from '../errors.js'

/** The state after an event. @throws {EventSourcedError} `EVT_HANDLER_FAILED` */
export function applyEvt<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  state: State,
  evt: Evt,
  seqNo: number,
): State {
  try {
    return domain.handleEvt(state, evt, seqNo)
  } catch (cause) {
    const message = `the event handler threw on event ${seqNo}: ${messageOf(cause)}`
    throw new EventSourcedError('EVT_HANDLER_FAILED', message, { cause })
  }
}

/** Whether the domain type wants a snapshot after an event. @throws {EventSourcedError} `EVT_HANDLER_FAILED` */
export function wantsSnapshot<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  state: State,
  seqNo: number,
): boolean {
  try {
    return domain.snapshot?.(state, seqNo) === true
  } catch (cause) {
    const message = `snapshot threw on event ${seqNo}: ${messageOf(cause)}`
    throw new EventSourcedError('EVT_HANDLER_FAILED', message, { cause })
  }
}
