import { pino } from 'pino'
import { expect, test } from 'vitest'
import { snapshotEvery } from '../domain/snapshot-every.js'
import { UncertainError } from '../errors.js'
import { counter, fixture } from './counter.test.fixture.js'
import { Entity } from './entity.js'

/** A logger that keeps its lines, and counts its children. */
function recordingLogger() {
  const lines: unknown[] = []
  let children = 0
  const logger = pino(
    { level: 'trace', onChild: () => (children += 1) },
    { write: (line: string) => lines.push(JSON.parse(line)) },
  )
  return { logger, lines, children: () => children }
}

test('what an entity logs bears its type and its id, by one child that is made when there is something to log', async () => {
  const { id, log: _, ...rest } = fixture()
  const { logger, lines, children } = recordingLogger()
  const ref = await Entity.spawn(id, counter, { ...rest, logger, supervision: { start: 1 } })
  await ref.handleCmd({ type: 'Inc', inc: 1 })
  expect(children()).toBe(0)
  for (const times of [1, 2]) {
    rest.evtLog.faults.fail('persist', { when: 'before', error: new UncertainError('the answer is lost') })
    await expect(ref.handleCmd({ type: 'Inc', inc: 1 })).rejects.toMatchObject({ code: 'UNCERTAIN' })
    await ref.handleCmd({ type: 'Inc', inc: 1 })
    expect(lines).toHaveLength(times)
  }
  expect(children()).toBe(1)
  for (const line of lines)
    expect(line).toMatchObject({ level: 40, typeName: 'counter', id, msg: 'the entity recovers' })
})

test('nothing is logged about an event above debug', async () => {
  const { id, log: _, ...rest } = fixture()
  const { logger, lines } = recordingLogger()
  const ref = await Entity.spawn(id, { ...counter, snapshot: snapshotEvery(1) }, { ...rest, logger })
  for (let n = 1; n <= 10; n++) {
    await ref.handleCmd({ type: 'Inc', inc: 1 })
    await expect.poll(() => lines).toHaveLength(n)
  }
  await ref.stop()
  await (await Entity.spawn(id, counter, { ...rest, logger })).stop()
  expect(lines).toHaveLength(10)
  for (const line of lines) expect(line).toMatchObject({ id, level: 20, msg: 'snapshot saved' })
})

test('a logger that is none is refused', async () => {
  const { id, log: _, ...rest } = fixture()
  // @ts-expect-error what a caller without the compiler may give
  const spawned = Entity.spawn(id, counter, { ...rest, logger: { warn: () => {} } })
  await expect(spawned).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'options.logger' })
})
