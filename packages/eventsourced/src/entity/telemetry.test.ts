import { context, createContextKey, metrics, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  AlwaysOnSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { UnavailableError } from '../errors.js'
import { counter, evtsOf, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'
import { traceContextOf } from './telemetry.js'

const inc = { type: 'Inc', inc: 1 } as const
let spans: InMemorySpanExporter
let exporter: InMemoryMetricExporter
let meterProvider: MeterProvider

beforeEach(() => {
  spans = new InMemorySpanExporter()
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  )
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
  metrics.setGlobalMeterProvider(meterProvider)
})

afterEach(async () => {
  await meterProvider.shutdown()
  for (const api of [context, propagation, trace, metrics]) api.disable()
})

const spansOf = (name: string) => spans.getFinishedSpans().filter((span) => span.name === name)

function spanOf(name: string): ReadableSpan {
  const [span] = spansOf(name)
  if (span === undefined) throw new Error(`there is no span ${name}`)
  return span
}

async function metric(name: string): Promise<{ attributes: unknown; value: unknown }[]> {
  await meterProvider.forceFlush()
  const scopes = exporter.getMetrics().at(-1)?.scopeMetrics ?? []
  const found = scopes.flatMap(({ metrics }) => metrics).find(({ descriptor }) => descriptor.name === name)
  return (found?.dataPoints ?? []).map(({ attributes, value }) => ({ attributes, value }))
}

describe('telemetry', () => {
  test('has a span for each command, below the active one, and one for their append, linked to them', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const parent = trace.getTracer('test').startSpan('request')
    await context.with(trace.setSpan(context.active(), parent), () =>
      Promise.all([ref.handleCmd(inc), ref.handleCmd(inc)]),
    )
    const finished = spans.getFinishedSpans()
    const commands = finished.filter(({ name }) => name === 'eventsourced.command')
    expect(commands).toHaveLength(2)
    expect(commands[0]?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    expect(commands[0]?.attributes).toEqual({ 'eventsourced.type': 'counter', 'eventsourced.outcome': 'accepted' })
    const append = finished.find(({ name }) => name === 'eventsourced.append')
    expect(append?.attributes).toMatchObject({ 'eventsourced.id': id })
    expect(append?.links.map((link) => link.context.spanId)).toEqual(commands.map((span) => span.spanContext().spanId))
    expect(finished.map(({ name }) => name)).toContain('eventsourced.recovery')
  })

  test('stores the trace context with the events, for readers to go on from', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await ref.handleCmd(inc, { metadata: { correlation: 'c-1' } })
    const [evt] = await evtsOf(log, id)
    const command = spans.getFinishedSpans().find(({ name }) => name === 'eventsourced.command')
    expect(evt?.metadata).toMatchObject({ correlation: 'c-1', traceparent: expect.stringMatching(/^00-/) })
    const { traceId, spanId } = trace.getSpanContext(traceContextOf(evt ?? { metadata: {} })) ?? {}
    expect({ traceId, spanId }).toEqual({
      traceId: command?.spanContext().traceId,
      spanId: command?.spanContext().spanId,
    })
  })

  test('stores no baggage: that is its own caller’s business', async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const baggage = propagation.createBaggage({ customer: { value: 'x'.repeat(1_000) } })
    await context.with(propagation.setBaggage(context.active(), baggage), () => ref.handleCmd(inc))
    expect(Object.keys((await evtsOf(log, id))[0]?.metadata ?? {})).toEqual(['traceparent'])
  })

  test('has each append, recovery and snapshot in a trace of its own, whoever woke the entity', async () => {
    const { id, log: _, ...rest } = fixture()
    const active: unknown[] = []
    const note = async () => active.push(trace.getSpanContext(context.active())?.spanId)
    rest.evtLog.faults.before('head', note)
    rest.evtLog.faults.before('persist', note)
    rest.snapshotStore.faults.before('save', note)
    const waker = trace.getTracer('test').startSpan('request')
    await context.with(trace.setSpan(context.active(), waker), async () => {
      const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(1) }, rest)
      await ref.handleCmd(inc)
      await ref.stop()
    })
    const own = ['recovery', 'append', 'snapshot'].map((name) => spanOf(`eventsourced.${name}`))
    expect(active).toEqual(own.map((span) => span.spanContext().spanId))
    for (const span of own) {
      expect(span.parentSpanContext).toBeUndefined()
      expect(span.spanContext().traceId).not.toBe(waker.spanContext().traceId)
    }
    const links = own.map((span) => span.links.map((link) => link.context.spanId))
    expect(links).toEqual([[waker.spanContext().spanId], [spanOf('eventsourced.command').spanContext().spanId], []])
  })

  test('lets what a log does on behalf of commands that nobody watches be in no caller’s context', async () => {
    trace.disable()
    metrics.disable()
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const caller = createContextKey('caller')
    const seen: unknown[] = []
    const persist = rest.evtLog.persist.bind(rest.evtLog)
    vi.spyOn(rest.evtLog, 'persist').mockImplementation((append) => {
      seen.push(context.active().getValue(caller))
      return persist(append)
    })
    await context.with(ROOT_CONTEXT.setValue(caller, 'who wakes it'), () => ref.handleCmd(inc))
    expect(seen).toEqual([undefined])
  })

  test('has one span and one duration for an append and all its repetitions', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    rest.evtLog.faults.fail('persist', { when: 'before', error: new UnavailableError('no connection') }, 2)
    const during: number[] = []
    rest.evtLog.faults.before('persist', async () => during.push(spansOf('eventsourced.append').length))
    await ref.handleCmd(inc)
    expect(during).toEqual([0])
    expect(spansOf('eventsourced.append')).toMatchObject([{ status: { code: 0 } }])
    const [duration] = await metric('eventsourced.append.duration')
    expect(duration).toMatchObject({ value: { count: 1 } })
    // Two waits, of 10 and 20 ms at least.
    expect(duration?.value).toSatisfy(
      (value: unknown) => typeof value === 'object' && value !== null && 'min' in value && Number(value.min) > 0.025,
    )
  })

  test('marks the span of an append that failed for good', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, { ...rest, unavailableTimeout: 0 })
    rest.evtLog.faults.fail('persist', { when: 'before', error: new UnavailableError('no connection') })
    await expect(ref.handleCmd(inc)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(spanOf('eventsourced.append')).toMatchObject({
      attributes: { 'error.type': 'UNAVAILABLE' },
      status: { code: 2 },
    })
  })

  test('has a span for an append of which only some commands are recorded', async () => {
    metrics.disable()
    trace.disable()
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({
        sampler: new ParentBasedSampler({
          root: new AlwaysOnSampler(),
          remoteParentNotSampled: new AlwaysOffSampler(),
        }),
        spanProcessors: [new SimpleSpanProcessor(spans)],
      }),
    )
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    const notSampled = propagation.extract(ROOT_CONTEXT, { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00` })
    await Promise.all([context.with(notSampled, () => ref.handleCmd(inc)), ref.handleCmd(inc)])
    expect(spansOf('eventsourced.command')).toHaveLength(1)
    expect(spanOf('eventsourced.append').links).toHaveLength(2)
  })

  test("keeps the caller's own trace context", async () => {
    const { id, log, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await ref.handleCmd(inc, { metadata: { traceparent: 'mine' } })
    expect((await evtsOf(log, id))[0]?.metadata).toEqual({ traceparent: 'mine' })
  })

  test('marks the span of a command that failed', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, counter, rest)
    await expect(ref.handleCmd({ type: 'Misbehave', how: 'cmdHandler' })).rejects.toThrow('the handler is broken')
    const command = spans.getFinishedSpans().find(({ name }) => name === 'eventsourced.command')
    expect(command).toMatchObject({
      attributes: { 'eventsourced.outcome': 'failed', 'error.type': 'CMD_HANDLER_FAILED' },
      status: { code: 2 },
    })
  })

  test('counts commands by outcome, appends, recoveries, live entities and failed snapshots', async () => {
    const { id, log: _, ...rest } = fixture()
    const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(1) }, rest)
    rest.snapshotStore.faults.fail('save', { when: 'before', error: new Error('the disk is gone') })
    await Promise.all([ref.handleCmd(inc, { cmdId: 'a' }), ref.handleCmd(inc, { cmdId: 'a' }), ref.handleCmd(inc)])
    await ref.handleCmd({ type: 'Inc', inc: 2_000_000 })
    await ref.handleCmd({ type: 'Misbehave', how: 'cmdHandler' }).catch(() => {})
    const type = { 'eventsourced.type': 'counter' }
    const byOutcome = await metric('eventsourced.commands')
    expect(byOutcome).toHaveLength(4)
    expect(byOutcome).toEqual(
      expect.arrayContaining([
        { attributes: { ...type, 'eventsourced.outcome': 'accepted' }, value: 2 },
        { attributes: { ...type, 'eventsourced.outcome': 'repeated' }, value: 1 },
        { attributes: { ...type, 'eventsourced.outcome': 'rejected' }, value: 1 },
        { attributes: { ...type, 'eventsourced.outcome': 'failed' }, value: 1 },
      ]),
    )
    expect(await metric('eventsourced.append.commands')).toMatchObject([{ value: { count: 1, sum: 2 } }])
    expect(await metric('eventsourced.append.duration')).toMatchObject([{ value: { count: 1 } }])
    expect(await metric('eventsourced.mailbox.depth')).toMatchObject([{ value: { count: 3, max: 3 } }])
    expect(await metric('eventsourced.recoveries')).toEqual([{ attributes: type, value: 1 }])
    expect(await metric('eventsourced.entities.live')).toEqual([{ attributes: type, value: 1 }])
    await ref.stop()
    expect(await metric('eventsourced.entities.live')).toEqual([{ attributes: type, value: 0 }])
    expect(await metric('eventsourced.snapshots.failed')).toEqual([{ attributes: type, value: 1 }])
    expect(spans.getFinishedSpans().find(({ name }) => name === 'eventsourced.snapshot')).toMatchObject({
      status: { code: 2 },
    })
  })
})
