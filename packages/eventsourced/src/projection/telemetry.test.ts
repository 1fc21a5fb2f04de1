import { context, metrics, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { entityKey } from '../log/entity-key.js'
import { appendIds } from '../log/append-id.js'
import { after, Bench, binarizer, newId, TYPE } from './projection.test.fixture.js'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
let spans: InMemorySpanExporter
let exporter: InMemoryMetricExporter
let meterProvider: MeterProvider
let bench: Bench

beforeEach(() => {
  spans = new InMemorySpanExporter()
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
  metrics.setGlobalMeterProvider(meterProvider)
  bench = new Bench()
})

afterEach(async () => {
  await bench.end()
  await meterProvider.shutdown()
  for (const api of [context, propagation, trace, metrics]) api.disable()
})

test('the handler runs in the trace of the event, and the span of its batch is linked to it', async () => {
  const key = entityKey(TYPE, newId())
  const metadata = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` }
  const evt = { ...binarizer.encodeEvt({ type: 'Noted', n: 1 }), metadata }
  const expected = { seqNo: 0, position: 0 }
  const { head } = await bench.evtLog.persist({ key, expected, appendId: appendIds()(), groups: [[evt]] })
  const traces: (string | undefined)[] = []
  const projection = await bench.start({
    handle: async () => {
      await Promise.resolve()
      traces.push(trace.getSpanContext(context.active())?.traceId)
    },
  })
  await projection.reached({ key, position: head.position })
  await projection.stop()
  expect(traces).toEqual([TRACE_ID])
  const [batch] = spans.getFinishedSpans().filter(({ name }) => name === 'eventsourced.projection.batch')
  expect(batch?.links.map((link) => link.context.traceId)).toEqual([TRACE_ID])
  expect(batch?.attributes).toEqual({ 'eventsourced.projection': 'notes-v1', 'eventsourced.evts': 1 })
})

test('events are counted by what became of them', async () => {
  const [sick, well] = [newId(1), newId(2)]
  const projection = await bench.start({
    onError: after(2, 'park'),
    handle: ({ key }) => {
      if (key.id === sick) throw new Error('no')
    },
  })
  await projection.reached(await bench.note(well, 3))
  const last = await bench.note(sick, 3)
  await expect(projection.reached(last)).rejects.toMatchObject({ code: 'PARKED' })
  await projection.stop()
  await meterProvider.forceFlush()
  const scopes = exporter.getMetrics().at(-1)?.scopeMetrics ?? []
  const found = scopes.flatMap((scope) => scope.metrics).find(({ descriptor }) => descriptor.name.endsWith('.events'))
  const counts = (found?.dataPoints ?? []).map(({ attributes, value }) => [attributes['eventsourced.outcome'], value])
  expect(Object.fromEntries(counts)).toEqual({ handled: 3, failed: 1, parked: 3 })
})
