import { EventSourcedError, RefusedError, UnavailableError } from 'eventsourced'
import { backOff } from '../../wire/back-off.js'
import { failureOf } from '../../errors/failure.js'
import { lastSeqOf } from '../last.js'
import type { Stream } from '../stream.js'
import { type Consumer, createConsumer, type Page, type ReadMsg } from './consumer.js'
import { Sieve, type Wanted } from './sieve.js'
import { missingStream } from './missing-stream.js'

/** Which messages to follow. */
export interface Following<Item> {
  readonly subjects: readonly string[]
  /** The stream sequence behind which to begin. */
  readonly after: number
  /** Whether to wait for as long as it takes when the server is away, as live reads do, but not for a stream that is gone; else the stream's timeout holds. */
  readonly isPatient: boolean
  /** Tells what is on the subjects. With it everything may be read, and the rest be passed over here, where that is cheaper. */
  readonly wanted?: Wanted
  /** What to make of a message. */
  readonly read: ReadMsg<Item>
}

/**
 * What is read of the messages on some subjects behind a position, as they come, for ever: all that is there at a time is a page. When the consumer breaks
 * (a restart, another leader, a lost connection, silence) another takes over behind the last message: that costs time, never a message, never a repeat.
 *
 * @throws {EventSourcedError} `LOG_LOST_EVENTS` where the stream came back shorter than it was read
 * @throws {UnavailableError | RefusedError} or the signal's reason
 */
export async function* follow<Item>(
  stream: Stream,
  { subjects, after, isPatient, wanted, read }: Following<Item>,
  signal: AbortSignal,
): AsyncGenerator<Page<Item>, void, void> {
  let last = after
  const sieve = new Sieve(subjects, after, wanted)
  const readWanted: ReadMsg<Item> = (msg) => (sieve.wants(msg.subject) ? read(msg) : undefined)
  let consumer: Consumer<Item> | undefined
  /** How many consumers broke one after another without giving anything. */
  let broken = 0
  try {
    for (;;) {
      consumer ??= await takeOver(
        stream,
        { subjects: sieve.filter, after: last, read: readWanted },
        { hasRead: last > after, isPatient, signal },
      )
      const delivery = consumer.take()
      signal.throwIfAborted()
      if (delivery === undefined) {
        await consumer.more(signal)
        signal.throwIfAborted()
      } else if (delivery.kind === 'page') {
        const { page } = delivery
        last = page.through
        broken = 0
        yield page
        if (sieve.hasTurned(last)) {
          stream.logger?.debug({ after: last, filter: sieve.filter }, 'another way to pick messages takes over')
          void consumer.delete()
          consumer = undefined
        }
      } else if (delivery.kind === 'failed') {
        throw delivery.error
      } else if (delivery.kind === 'forbidden') {
        throw new RefusedError('forbidden', `reading events: ${delivery.why}`)
      } else {
        stream.logger?.info({ subjects, after: last, why: delivery.why }, 'a consumer broke: another takes over')
        // Not waited for: what is sent while the connection is away may get no answer, and would hold the other one up for seconds.
        void consumer.delete()
        consumer = undefined
        if (broken++ > 0) await backOff(broken, signal)
        signal.throwIfAborted()
      }
    }
  } finally {
    await consumer?.delete()
  }
}

async function takeOver<Item>(
  stream: Stream,
  wanted: Parameters<typeof createConsumer<Item>>[1],
  {
    hasRead,
    isPatient,
    signal,
  }: { readonly hasRead: boolean; readonly isPatient: boolean; readonly signal: AbortSignal },
): Promise<Consumer<Item>> {
  const deadline = isPatient ? Infinity : performance.now() + stream.timeoutMs
  const goneBy = missingStream(stream)
  for (let attempt = 0; ; attempt++) {
    if (!(await stream.wire.whenConnected(deadline - performance.now(), signal))) {
      signal.throwIfAborted()
      throw new UnavailableError('reading events: there is no connection to NATS')
    }
    try {
      const consumer = await createConsumer(stream, wanted, signal)
      if (hasRead) await checkReaches(stream, wanted.after, consumer, signal)
      return consumer
    } catch (error) {
      signal.throwIfAborted()
      const gone = goneBy(error)
      if (gone !== undefined) throw gone
      const failure = failureOf('reading events', error)
      if (failure.code !== 'UNAVAILABLE' || performance.now() >= deadline) throw failure
      stream.logger?.warn({ err: failure, attempt }, 'a consumer could not be created: trying again')
      await backOff(attempt, signal)
    }
  }
}

/**
 * Makes sure that a stream still reaches as far as it was read: one that was restored from an older copy does not, and its next messages would be taken for read.
 * Otherwise the consumer is of no use.
 *
 * @throws {EventSourcedError} `LOG_LOST_EVENTS`, once that is sure
 */
async function checkReaches(
  stream: Stream,
  seq: number,
  consumer: Consumer<unknown>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const last = await lastSeqOf(stream, seq, signal)
    if (last >= seq) return
    const message = `the stream ${stream.name} was read up to ${seq} and now ends at ${last}: it lost events. Restore it`
    throw new EventSourcedError('LOG_LOST_EVENTS', message)
  } catch (error) {
    void consumer.delete()
    throw error
  }
}
