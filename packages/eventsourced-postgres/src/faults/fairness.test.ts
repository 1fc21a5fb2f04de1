import type { AppendProcess, PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newAppend, newKey } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'
import { startWriter } from './writers.test.helper.js'

let connection: PostgresConnection
let writers: AppendProcess[]

beforeEach(async () => {
  connection = await testPostgres()
  await (await PostgresEvtLog.create({ connection, setup: true })).close()
  writers = []
})

afterEach(() => Promise.all(writers.map((writer) => writer.kill())))

function hammer(entities: number): AppendProcess {
  const writer = startWriter({ config: { connection }, logs: 1, entities })
  writers.push(writer)
  return writer
}

test('of four processes that append as fast as they can each gets a share', async () => {
  const all = Array.from({ length: 4 }, () => hammer(100))
  // They don't begin at the same time.
  await Promise.all(all.map((writer) => writer.acknowledgesMore(1_000)))
  const before = all.map(({ acknowledged }) => acknowledged.length)
  const stored = (): number[] => all.map(({ acknowledged }, at) => acknowledged.length - (before[at] ?? 0))
  const sum = (): number => stored().reduce((one, other) => one + other, 0)
  while (sum() < 20_000) await Promise.race(all.map((writer) => writer.acknowledgesMore(500)))
  expect(Math.min(...stored())).toBeGreaterThan(sum() / 4 / 3)
  await Promise.all(all.map((writer) => writer.stop()))
})

test('a lone entity of one process is served beside 1,000 of another one', async () => {
  const crowd = hammer(1_000)
  await crowd.acknowledgesMore(5_000)
  const log = await PostgresEvtLog.create({ connection })
  const key = newKey()
  let { head } = await log.persist(newAppend(key))
  const positions: number[] = []
  const enough = crowd.acknowledged.length + 10_000
  // The crowd may pause for longer than a few of these take.
  while (positions.length < 20 || crowd.acknowledged.length < enough) {
    head = (await log.persist(newAppend(key, head))).head
    positions.push(head.position)
  }
  // What the crowd stores between two of them is a few of its batches, of at most 2,000 events each.
  const between = ((positions.at(-1) ?? 0) - (positions[0] ?? 0)) / (positions.length - 1)
  expect(between).toBeLessThan(3 * 2_000)
  await log.close()
  await crowd.stop()
})
