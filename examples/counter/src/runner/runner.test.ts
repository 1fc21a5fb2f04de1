import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Entity, MemoryEvtLog, MemorySnapshotStore } from 'eventsourced'
import { pino } from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import { counterBinarizer } from '../counter-binarizer.js'
import { counter } from '../counter.js'
import { cmdAfter, idOf, valueAfter } from './plan.js'
import { report } from './report.js'
import { run, type RunOptions } from './runner.js'
import { spawnCounter } from './spawned-counter.js'

let options: RunOptions
let output: PassThrough
beforeEach(() => {
  output = new PassThrough()
  options = {
    evtLog: new MemoryEvtLog(),
    snapshotStore: new MemorySnapshotStore(),
    config: { entityCount: 5, evtCount: 21, snapshotAfter: 4 },
    logger: pino({ enabled: false }),
    output,
    signal: new AbortController().signal,
    readSide: { summary: async (counters) => [`Read model ${counters.map(({ seqNo }) => seqNo).join(' ')}`] },
  }
})

async function storedEvts(index: number): Promise<number> {
  const { seqNo } = await options.evtLog.head({ typeName: 'counter', id: idOf(index) })
  return seqNo
}

describe('a run', () => {
  test('gives each counter its events, and checks their values twice', async () => {
    const outcome = await run(options)
    expect(outcome).toMatchObject({ counters: 5, found: 0, stored: 105, recoverySeconds: expect.any(Number) })
    for (let index = 0; index < 5; index++) expect(await storedEvts(index)).toBe(21)
    expect(report(outcome)).toMatch(
      /^Counters +5, with 0 events.*\nEvents +105 in .*\nLatency +p50 .*\nValues +all right, before and after.*\nRead model 21 21 21 21 21\n$/,
    )
  })

  test('goes on from what earlier ones stored', async () => {
    await run(options)
    expect(await run(options)).toMatchObject({ found: 105, stored: 105 })
    expect(await storedEvts(0)).toBe(42)
  })

  test('goes on with more counters than before', async () => {
    await run(options)
    const more = { ...options, config: { ...options.config, entityCount: 7 } }
    expect(await run(more)).toMatchObject({ counters: 7, found: 105, stored: 147 })
  })

  test('takes snapshots', async () => {
    await run(options)
    const snapshot = await options.snapshotStore.load({ typeName: 'counter', id: idOf(0) })
    expect(snapshot?.seqNo).toBe(20)
  })

  test('shares its counters with another run', async () => {
    const outcomes = await Promise.all([run(options), run(options)])
    expect(outcomes.map(({ stored }) => stored)).toEqual([105, 105])
    for (let index = 0; index < 5; index++) expect(await storedEvts(index)).toBe(42)
  })

  test('that is ended early has stored what it says, and no more', async () => {
    const controller = new AbortController()
    const endless = { ...options, signal: controller.signal, config: { ...options.config, evtCount: 1_000_000 } }
    output.once('data', () => controller.abort())
    const outcome = await run(endless)
    expect(outcome).toMatchObject({ recoverySeconds: undefined, summary: [] })
    expect(outcome.stored).toBeLessThan(5_000_000)
    const stored = await Promise.all([0, 1, 2, 3, 4].map(storedEvts))
    expect(stored.reduce((sum, evts) => sum + evts)).toBe(outcome.stored)
    expect(report(outcome)).toContain('ended before its counters were recovered')
  })

  test('that is ended before it began stores nothing', async () => {
    const outcome = await run({ ...options, signal: AbortSignal.abort() })
    expect(outcome).toMatchObject({ counters: 0, stored: 0 })
    expect(report(outcome)).toContain('ended before there was a counter')
  })

  test('fails for a value that the acknowledged commands did not make', async () => {
    const ref = await Entity.spawn(idOf(3), counter, { evtLog: options.evtLog, binarizer: counterBinarizer })
    await ref.handleCmd({ type: 'Inc', inc: 1n })
    await ref.stop()
    await expect(run(options)).rejects.toThrow(`counter ${idOf(3)} is 1 after 1 events: expected ${valueAfter(1)}`)
  })

  test('fails with the error of its log, and ends', async () => {
    await options.evtLog.close()
    await expect(run(options)).rejects.toMatchObject({ code: 'REFUSED' })
  })

  test('shows its progress in lines where there is no terminal', async () => {
    await run(options)
    output.end()
    expect(await text(output)).toMatch(/105 of 105 events, [0-9,]+ events\/s\n$/)
  })

  test('shows its progress as a bar on a terminal', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
    await run({ ...options, output: terminal })
    terminal.end()
    expect(await text(terminal)).toMatch(/█{30} 100% \| 105 of 105 events/)
  })
})

test('a counter that has fewer events than were acknowledged has lost some', async () => {
  const { evtLog, snapshotStore } = options
  const spawned = spawnCounter(0, 5, { evtLog, snapshotStore, binarizer: counterBinarizer, snapshotAfter: 10 })
  await expect(spawned).rejects.toThrow('lost events: 5 were acknowledged, 0 are there')
})

describe('the plan', () => {
  test('alternates, never leaves the range, and knows the value after each event', () => {
    let value = 0n
    for (let seqNo = 0; seqNo < 1_000; seqNo++) {
      expect(value).toBe(valueAfter(seqNo))
      const cmd = cmdAfter(seqNo)
      value += cmd.type === 'Inc' ? cmd.inc : -cmd.dec
      expect(value).toBeGreaterThanOrEqual(0n)
    }
  })

  test('has the same ids for ever', () => {
    expect(idOf(0)).toBe('bb7e7f83-2546-55b6-a8a5-325e9df00c07')
    expect(new Set(Array.from({ length: 1_000 }, (_, index) => idOf(index))).size).toBe(1_000)
  })
})
