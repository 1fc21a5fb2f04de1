import {
  type Attributes,
  type Context,
  type Counter,
  context,
  createNoopMeter,
  type Histogram,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
  type UpDownCounter,
} from '@opentelemetry/api'
import type { Metadata } from '../domain/event-sourced.js'
import { isEventSourcedError } from '../errors.js'
import type { EntityKey } from '../log/entity-key.js'
import type { Stored } from './persist.js'

const SCOPE = 'eventsourced'

/** How a command ended, as the metric `eventsourced.commands` counts it. */
export type CmdOutcome = 'accepted' | 'repeated' | 'rejected' | 'failed'

/**
 * What the entities of a type tell OpenTelemetry. An SDK must be registered before the type's first entity is spawned for metrics to be seen.
 *
 * Spans: `eventsourced.command`, below the caller's active one; each in a trace of its own: `eventsourced.append` (linked to its commands; with
 * all its repetitions), `eventsourced.recovery` (linked to the span that asked for it), `eventsourced.snapshot`. Metrics: `eventsourced.commands` by outcome, `eventsourced.mailbox.depth`, `eventsourced.append.commands`, `eventsourced.append.duration` (s),
 * `eventsourced.recoveries`, `eventsourced.entities.live`, `eventsourced.snapshots.failed`; each by type.
 */
export class Telemetry {
  readonly #tracer: Tracer
  readonly #attributes: Attributes
  readonly #cmdOptions: SpanOptions
  readonly #outcomes: Record<CmdOutcome, Attributes>
  readonly #commands: Counter
  readonly #mailboxDepth: Histogram
  readonly #appendCommands: Histogram
  readonly #appendDuration: Histogram
  readonly #recoveries: Counter
  readonly #live: UpDownCounter
  readonly #snapshotsFailed: Counter
  /** Whether a metrics SDK is there: the clock is read only then. */
  readonly #measures: boolean

  constructor(typeName: string) {
    const meter = metrics.getMeter(SCOPE)
    this.#tracer = trace.getTracer(SCOPE)
    this.#attributes = { 'eventsourced.type': typeName }
    this.#cmdOptions = { attributes: this.#attributes }
    const outcome = (name: CmdOutcome) => ({ ...this.#attributes, 'eventsourced.outcome': name })
    this.#outcomes = {
      accepted: outcome('accepted'),
      repeated: outcome('repeated'),
      rejected: outcome('rejected'),
      failed: outcome('failed'),
    }
    this.#commands = meter.createCounter('eventsourced.commands', { description: 'commands by outcome' })
    this.#mailboxDepth = meter.createHistogram('eventsourced.mailbox.depth', {
      description: 'commands that waited when an entity took them',
    })
    this.#appendCommands = meter.createHistogram('eventsourced.append.commands', {
      description: 'commands whose events were stored by one append',
    })
    this.#appendDuration = meter.createHistogram('eventsourced.append.duration', {
      description: 'time of an append, with its repetitions',
      unit: 's',
    })
    this.#recoveries = meter.createCounter('eventsourced.recoveries', { description: 'entities read from the log' })
    this.#live = meter.createUpDownCounter('eventsourced.entities.live', { description: 'live entities' })
    this.#snapshotsFailed = meter.createCounter('eventsourced.snapshots.failed', {
      description: 'snapshots that could not be saved',
    })
    this.#measures = this.#appendDuration !== createNoopMeter().createHistogram('')
  }

  /** The span of a command; its parent is the active one. */
  startCommand(): Span {
    return this.#tracer.startSpan('eventsourced.command', this.#cmdOptions)
  }

  endCommand(span: Span, outcome: CmdOutcome, error?: Error): void {
    this.#commands.add(1, this.#outcomes[outcome])
    if (!span.isRecording()) return
    span.setAttribute('eventsourced.outcome', outcome)
    end(span, error)
  }

  commandsTaken(count: number): void {
    this.#mailboxDepth.record(count, this.#attributes)
  }

  /** Whether anybody would hear of an append on behalf of these commands. */
  isWatched(commands: readonly { readonly envelope: { readonly span: Span } }[]): boolean {
    return this.#measures || commands.some(isRecording)
  }

  /** Runs an append, with all its repetitions, on behalf of commands. */
  async append(key: EntityKey, commands: readonly Span[], run: () => Promise<Stored>): Promise<Stored> {
    this.#appendCommands.record(commands.length, this.#attributes)
    const startedAt = performance.now()
    const stored = await this.#within(
      'append',
      { key, links: commands.map((span) => span.spanContext()), failureOf: whyNotStored },
      run,
    )
    this.#appendDuration.record((performance.now() - startedAt) / 1_000, this.#attributes)
    return stored
  }

  /** Runs a recovery; it is linked to the span of who asked for it. */
  recovery<Result>(key: EntityKey, run: () => Promise<Result>): Promise<Result> {
    this.#recoveries.add(1, this.#attributes)
    const asking = trace.getSpanContext(context.active())
    return this.#within('recovery', { key, links: asking === undefined ? [] : [asking] }, run)
  }

  async snapshot(key: EntityKey, run: () => Promise<void>): Promise<void> {
    try {
      await this.#within('snapshot', { key, links: [] }, run)
    } catch (error) {
      this.#snapshotsFailed.add(1, this.#attributes)
      throw error
    }
  }

  live(change: 1 | -1): void {
    this.#live.add(change, this.#attributes)
  }

  /** Runs what an entity does of its own accord in a trace of its own: it has no place in that of whoever happened to wake the entity. */
  async #within<Result>(
    name: string,
    { key, links, failureOf }: OwnTrace<Result>,
    run: () => Promise<Result>,
  ): Promise<Result> {
    const attributes = { ...this.#attributes, 'eventsourced.id': key.id }
    const options = { attributes, root: true, links: links.map((linked) => ({ context: linked })) }
    const span = this.#tracer.startSpan(`eventsourced.${name}`, options)
    try {
      const result = await context.with(trace.setSpan(ROOT_CONTEXT, span), run)
      end(span, failureOf?.(result))
      return result
    } catch (error) {
      end(span, error)
      throw error
    }
  }
}

/** A trace that an entity begins. */
interface OwnTrace<Result> {
  readonly key: EntityKey
  /** The spans on whose behalf it is. */
  readonly links: readonly SpanContext[]
  /** What a result that is a failure failed with. */
  readonly failureOf?: (result: Result) => Error | undefined
}

function whyNotStored(stored: Stored): Error | undefined {
  return stored.kind === 'stored' ? undefined : stored.error
}

function isRecording({ envelope }: { readonly envelope: { readonly span: Span } }): boolean {
  return envelope.span.isRecording()
}

function end(span: Span, error?: unknown): void {
  if (error instanceof Error) {
    span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    if (isEventSourcedError(error)) span.setAttribute('error.type', error.code)
  }
  span.end()
}

/**
 * Metadata with the trace context of a command's span (`traceparent` and `tracestate`, no baggage), so that readers of its events can go on from
 * it. The caller's own is kept.
 */
export function withTraceContext(metadata: Metadata, span: Span): Metadata {
  if (!span.isRecording() || 'traceparent' in metadata) return metadata
  const carrier: { traceparent?: string; tracestate?: string } = {}
  propagation.inject(trace.setSpan(ROOT_CONTEXT, span), carrier)
  // A propagator may add whatever it likes; only this is what readers go on from.
  const { traceparent, tracestate } = carrier
  if (traceparent === undefined) return metadata
  return { ...metadata, traceparent, ...(tracestate === undefined ? {} : { tracestate }) }
}

/**
 * The trace context that an event was stored with, for those who read it and go on from there.
 *
 * @example
 * context.with(traceContextOf(evt), () => tracer.startActiveSpan('project', …))
 */
export function traceContextOf({ metadata }: { readonly metadata: Metadata }): Context {
  return propagation.extract(ROOT_CONTEXT, metadata)
}
