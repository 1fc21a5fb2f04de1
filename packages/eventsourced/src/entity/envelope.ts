import { EventSourcedError, messageOf, UncertainError } from '../errors.js'
import type { Settled } from './cmd-result.js'
import type { Request } from './request.js'

/** A command and its caller. The caller hears once how it ended, whoever says so first: the entity, or its own signal or deadline. */
export class Envelope<Cmd, Evt> {
  readonly cmd: Cmd
  readonly request: Request
  /** When the command arrived, in milliseconds since the epoch. */
  readonly arrivedAt = Date.now()
  readonly #resolve: (result: Settled<Evt>) => void
  readonly #reject: (error: Error) => void
  #inFlight = false
  #settled = false
  /** Ends the waiting for a signal and a deadline, if there is one. */
  #unwatch: (() => void) | undefined

  constructor(cmd: Cmd, request: Request, resolve: (result: Settled<Evt>) => void, reject: (error: Error) => void) {
    this.cmd = cmd
    this.request = request
    this.#resolve = resolve
    this.#reject = reject
    const { signal, deadline } = request
    if (signal !== undefined || deadline !== undefined) this.#unwatch = watch(signal, deadline, this.#giveUp)
  }

  /** Whether the caller has its answer; there is no point in handling the command then, unless it was handled already. */
  get isSettled(): boolean {
    return this.#settled
  }

  /** Says whether the command is handled and its outcome under way. It goes back to waiting when it is to be handled again. */
  set isInFlight(inFlight: boolean) {
    this.#inFlight = inFlight
  }

  resolve(result: Settled<Evt>): void {
    if (this.#settle()) this.#resolve(result)
  }

  reject(error: Error): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    const first = !this.#settled
    this.#settled = true
    this.#unwatch?.()
    this.#unwatch = undefined
    return first
  }

  readonly #giveUp = (cause: unknown): void => {
    this.reject(
      this.#inFlight
        ? new UncertainError(`the caller gave up while the outcome was under way: ${messageOf(cause)}`, { cause })
        : new EventSourcedError('WITHDRAWN', `the caller gave up before the command was handled: ${messageOf(cause)}`, {
            cause,
          }),
    )
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
  const onAbort = () => giveUp(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = deadline && setTimer(deadline, giveUp)
  return () => {
    signal?.removeEventListener('abort', onAbort)
    clearTimeout(timer)
  }
}

/** The longest that a timer of the platform can wait, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1

function setTimer(deadline: Date, giveUp: (cause: unknown) => void): NodeJS.Timeout {
  const left = Math.min(deadline.getTime() - Date.now(), MAX_TIMER)
  return setTimeout(() => giveUp(new Error(`the deadline ${deadline.toISOString()} has passed`)), left)
}
