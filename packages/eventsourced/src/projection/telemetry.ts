import {
  type Attributes,
  type Counter,
  type Gauge,
  type Histogram,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { traceContextOf } from '../entity/telemetry.js'
import { asError } from '../errors.js'
import type { Batch } from './delivery.js'
import { groupOf, type ProjectionKey } from './projection-key.js'

const SCOPE = 'eventsourced'
/** What backends take, by default. */
const MAX_LINKS = 128

/** What became of an event, as the metric `eventsourced.projection.events` counts it. */
export type EvtOutcome = 'handled' | 'skipped' | 'parked' | 'failed'

/**
 * What a projection tells OpenTelemetry. Span: `eventsourced.projection.batch`, linked to the traces of its events. Metrics:
 * `eventsourced.projection.events` by outcome, `eventsourced.projection.batch.duration` (s), `eventsourced.projection.lag` (s, the age of the
 * newest event handled); each by projection.
 */
export class ProjectionTelemetry {
  readonly #tracer: Tracer
  readonly #attributes: Attributes
  readonly #evts: Counter
  readonly #duration: Histogram
  readonly #lag: Gauge

  constructor(key: ProjectionKey) {
    const meter = metrics.getMeter(SCOPE)
    this.#tracer = trace.getTracer(SCOPE)
    this.#attributes = { 'eventsourced.projection': groupOf(key) }
    this.#evts = meter.createCounter('eventsourced.projection.events', { description: 'events by outcome' })
    this.#duration = meter.createHistogram('eventsourced.projection.batch.duration', {
      description: 'time of a batch, from its first event to its offset',
      unit: 's',
    })
    this.#lag = meter.createGauge('eventsourced.projection.lag', {
      description: 'age of the newest event handled',
      unit: 's',
    })
  }

  evts(outcome: EvtOutcome, count: number): void {
    if (count > 0) this.#evts.add(count, { ...this.#attributes, 'eventsourced.outcome': outcome })
  }

  /** Runs the delivery of a batch. @param run tells how many of its events were handled */
  async batch<Evt>(batch: Batch<Evt>, run: () => Promise<number>): Promise<void> {
    if (batch.evts.length === 0) return void (await run())
    const span = this.#tracer.startSpan('eventsourced.projection.batch', { root: true, attributes: this.#attributes })
    this.#describe(span, batch)
    const startedAt = performance.now()
    try {
      const handled = await run()
      span.setAttribute('eventsourced.evts', handled)
      const newest = batch.evts[handled - 1]?.time ?? new Date()
      this.#lag.record(Math.max(0, Date.now() - newest.getTime()) / 1_000, this.#attributes)
    } catch (error) {
      span.recordException(asError(error))
      span.setStatus({ code: SpanStatusCode.ERROR, message: asError(error).message })
      throw error
    } finally {
      this.#duration.record((performance.now() - startedAt) / 1_000, this.#attributes)
      span.end()
    }
  }

  #describe<Evt>(span: Span, { evts }: Batch<Evt>): void {
    if (!span.isRecording()) return
    span.setAttribute('eventsourced.evts', evts.length)
    const links = new Map<string, { context: ReturnType<Span['spanContext']> }>()
    for (const evt of evts) {
      const parent = trace.getSpanContext('traceparent' in evt.metadata ? traceContextOf(evt) : ROOT_CONTEXT)
      if (parent !== undefined) links.set(parent.spanId, { context: parent })
      if (links.size === MAX_LINKS) break
    }
    span.addLinks([...links.values()])
  }
}
