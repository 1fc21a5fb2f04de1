import type { Span } from '@opentelemetry/api'
import { EventSourcedError, messageOf, UncertainError } from '../errors.js'
import { MAX_TIMER } from '../max-timer.js'
import { turnTime } from '../turn-time.js'
import type { Settled } from './cmd-result.js'
import { onAbort } from './on-abort.js'
import { checkedRequest, type HandleCmdOptions, type Request } from './request.js'
import { type Telemetry, withTraceContext } from './telemetry.js'

/** Who waits for a command's outcome. */
export interface Caller<Evt> {
  readonly resolve: (result: Settled<Evt>) => void
  readonly reject: (error: Error) => void
}

/** Where a command waits for its turn. */
export interface WaitingPlace {
  /** Hears that one of its commands was withdrawn, and waits no longer. */
  withdrawn(): void
}

/** A command and its caller. The caller hears once how it ended, whoever says so first: the entity, or its own signal or deadline. */
export class Envelope<Cmd, Evt> {
  readonly cmd: Cmd
  readonly request: Request
  readonly span: Span
  readonly #telemetry: Telemetry
  /** When the command arrived, in milliseconds since the epoch. */
  readonly arrivedAt = turnTime()
  readonly #caller: Caller<Evt>
  #inFlight = false
  #settled = false
  /** Where it waits, if it may leave before its turn. */
  #place: WaitingPlace | undefined
  /** Ends the waiting for a signal and a deadline, if there is one. */
  #unwatch: (() => void) | undefined

  constructor(cmd: Cmd, options: HandleCmdOptions | undefined, telemetry: Telemetry, caller: Caller<Evt>) {
    const request = checkedRequest(options)
    const span = telemetry.startCommand()
    const metadata = withTraceContext(request.metadata, span)
    this.cmd = cmd
    this.request = metadata === request.metadata ? request : { ...request, metadata }
    this.span = span
    this.#telemetry = telemetry
    this.#caller = caller
    const { signal, deadline } = request
    if (signal !== undefined || deadline !== undefined) {
      this.#unwatch = watch(signal, deadline, (cause) => this.#giveUp(cause))
    }
  }

  /** Whether the caller has its answer; there is no point in handling the command then, unless it was handled already. */
  get isSettled(): boolean {
    return this.#settled
  }

  /** Waits for its turn: a caller who gives up frees the place. */
  waitIn(place: WaitingPlace): void {
    if (this.#unwatch !== undefined) this.#place = place
  }

  /** It is the command's turn. One whose deadline has passed is given up: the timer may be late where much else is to do. */
  takeTurn(): void {
    this.#place = undefined
    const { deadline } = this.request
    if (deadline !== undefined && !this.#settled && hasPassed(deadline)) this.#giveUp(passed(deadline))
  }

  /** Says whether the command is handled and its outcome under way. It goes back to waiting when it is to be handled again. */
  set isInFlight(inFlight: boolean) {
    this.#inFlight = inFlight
  }

  resolve(result: Settled<Evt>): void {
    if (!this.#settle()) return
    const outcome = result.ok ? (result.repeated === true ? 'repeated' : 'accepted') : 'rejected'
    this.#telemetry.endCommand(this.span, outcome)
    this.#caller.resolve(result)
  }

  reject(error: Error): void {
    if (!this.#settle()) return
    this.#telemetry.endCommand(this.span, 'failed', error)
    this.#caller.reject(error)
  }

  /** @returns whether the caller had no answer yet */
  #settle(): boolean {
    const first = !this.#settled
    this.#settled = true
    this.#unwatch?.()
    this.#unwatch = undefined
    return first
  }

  #giveUp(cause: unknown): void {
    this.reject(
      this.#inFlight
        ? new UncertainError(`the caller gave up while the outcome was under way: ${messageOf(cause)}`, { cause })
        : new EventSourcedError('WITHDRAWN', `the caller gave up before the command was handled: ${messageOf(cause)}`, {
            cause,
          }),
    )
    this.#place?.withdrawn()
  }
}

/** Calls back when a signal fires or a deadline passes. @returns ends that */
function watch(
  signal: AbortSignal | undefined,
  deadline: Date | undefined,
  giveUp: (cause: unknown) => void,
): (() => void) | undefined {
  if (signal?.aborted === true) {
    giveUp(signal.reason)
    return undefined
  }
  if (deadline !== undefined && hasPassed(deadline)) {
    giveUp(passed(deadline))
    return undefined
  }
  const unlisten = signal && onAbort(signal, () => giveUp(signal.reason))
  const stopTimer = deadline && startTimer(deadline, giveUp)
  return () => {
    unlisten?.()
    stopTimer?.()
  }
}

/** Calls back when a deadline has passed, however far away it is. @returns ends that */
function startTimer(deadline: Date, giveUp: (cause: unknown) => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = deadline.getTime() - Date.now()
    timer = left > MAX_TIMER ? setTimeout(arm, MAX_TIMER) : setTimeout(() => giveUp(passed(deadline)), left)
  }
  arm()
  return () => clearTimeout(timer)
}

function hasPassed(deadline: Date): boolean {
  return deadline.getTime() <= Date.now()
}

function passed(deadline: Date): Error {
  return new Error(`the deadline ${deadline.toISOString()} has passed`)
}
