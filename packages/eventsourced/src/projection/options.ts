import { type Logger, pino } from 'pino'
import type { Binarizer } from '../binarizer/binarizer.js'
import { checkFields, checkPart } from '../entity/check-fields.js'
import { InvalidInputError } from '../errors.js'
import { checkTypeName } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import { MAX_TIMER } from '../max-timer.js'
import type { BatchBounds, Delivery } from './delivery.js'
import { type OnError, retry } from './on-error.js'
import { checkProjectionKey, type ProjectionKey } from './projection-key.js'

/** What a projection is, and what it runs on. */
export interface ProjectionOptions<Evt> {
  /** Matches `[A-Za-z0-9_-]{1,64}`. All processes that start it share its work. */
  readonly name: string
  /** 1 by default. Another version starts from the beginning, beside this one. */
  readonly version?: number
  /** Whose events it reads. */
  readonly typeName: string
  readonly evtLog: EvtLog
  readonly binarizer: Pick<Binarizer<Evt, unknown>, 'decodeEvt'>
  /** The handler, and how events come to it: `exactlyOnce(pool, …)`, `atLeastOnce(offsetStore, …)`, or one of their grouped forms. */
  readonly handler: Delivery<Evt>
  /** What becomes of an event that can't be handled: `retry()` by default, which stops its slice after 10 attempts. */
  readonly onError?: OnError
  /** How long the handler may take for an event, or a batch of them where it gets batches, in milliseconds; 30,000 by default. */
  readonly handlerTimeoutMs?: number
  /** Silent by default. Gets the projection's name and version bound. */
  readonly logger?: Logger
  /** A clock that never goes back, in milliseconds, by which leases are counted; `performance.now` by default. For tests. */
  readonly clock?: () => number
}

/** Checked, with all defaults. */
export interface ProjectionSetup<Evt> {
  readonly key: ProjectionKey
  readonly typeName: string
  readonly evtLog: EvtLog
  readonly decode: (evt: Parameters<Binarizer<Evt, unknown>['decodeEvt']>[0]) => Evt
  readonly delivery: Delivery<Evt>
  readonly bounds: Required<BatchBounds>
  readonly onError: OnError
  readonly handlerTimeoutMs: number
  readonly logger: Logger
  readonly clock: () => number
}

const FIELDS: readonly (keyof ProjectionOptions<unknown>)[] = [
  'name',
  'version',
  'typeName',
  'evtLog',
  'binarizer',
  'handler',
  'onError',
  'handlerTimeoutMs',
  'logger',
  'clock',
]

/** Checks what a projection is started with, and fills in the defaults. @throws {InvalidInputError} */
export function projectionSetup<Evt>(options: ProjectionOptions<Evt>): ProjectionSetup<Evt> {
  checkFields('options', options, FIELDS)
  const { name, version = 1, typeName, evtLog, binarizer, handler } = options
  const { onError = retry(), handlerTimeoutMs = 30_000, clock = () => performance.now() } = options
  const key = { name, version }
  checkProjectionKey(key)
  checkTypeName(typeName)
  checkPart('options.evtLog', evtLog, ['evtsByType', 'headPosition', 'head', 'evtsById'])
  checkPart('options.binarizer', binarizer, ['decodeEvt'])
  checkPart('options.handler', handler, ['open', 'deliver', 'close'])
  if (typeof onError !== 'function') throw new InvalidInputError('onError', onError, 'a function, as retry() makes it')
  checkWhole('handlerTimeoutMs', handlerTimeoutMs, 1)
  const logger = options.logger ?? pino({ enabled: false })
  return {
    key,
    typeName,
    evtLog,
    decode: (evt) => binarizer.decodeEvt(evt),
    delivery: handler,
    bounds: checkedBounds(handler.bounds),
    onError,
    handlerTimeoutMs,
    logger: logger.child({ projection: name, version }),
    clock,
  }
}

/** For authors of deliveries: checks what is to be told of forgotten entities. @throws {InvalidInputError} */
export function checkOnForgotten(onForgotten: unknown): void {
  if (onForgotten === undefined || typeof onForgotten === 'function') return
  throw new InvalidInputError('onForgotten', onForgotten, 'a function')
}

function checkedBounds({ maxEvts = 500, maxWaitMs = 0 }: BatchBounds): Required<BatchBounds> {
  checkWhole('maxEvts', maxEvts, 1)
  checkWhole('maxWaitMs', maxWaitMs, 0)
  return { maxEvts, maxWaitMs }
}

function checkWhole(field: string, value: number, atLeast: number): void {
  if (!Number.isInteger(value) || value < atLeast || value > MAX_TIMER) {
    throw new InvalidInputError(field, value, `a whole number from ${atLeast} to ${MAX_TIMER}`)
  }
}
