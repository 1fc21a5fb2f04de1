import { strictCounter } from 'eventsourced/counters'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { names } from '../names.js'
import { PostgresCounterStore } from '../index.js'
import { heartbeat } from './sql/heartbeat.js'
import { changes } from './sql/changes.js'
import { counts } from './sql/slices.js'

const IN_ANALYSIS = 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)'
const INSTANCES = 10
const WRITER = '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d'

test('what an operation reads depends on the instances of its key alone, and a heartbeat on nothing', async () => {
  const connection = await testPostgres()
  const admin = new Client(connection)
  await admin.connect()
  onTestFinished(() => admin.end())
  const store = await PostgresCounterStore.create({ connection, setup: true })
  onTestFinished(() => store.close())
  const ids = Array.from({ length: INSTANCES }, (_, index) => `instance ${index}`)
  const counters = await Promise.all(ids.map((instanceId) => strictCounter(store, { namespace: 'n', instanceId })))
  onTestFinished(async () => void (await Promise.all(counters.map((counter) => counter.close()))))
  const fill = async (from: number, to: number): Promise<void> => {
    const keys = Array.from({ length: to - from }, (_, index) => `key ${from + index}`)
    await Promise.all(counters.flatMap((counter) => keys.map((key) => counter.inc(key, 1))))
  }
  const caller = ['n', 'instance 7', '30 s', '7 d', null]
  const operations: Record<string, { readonly text: string; readonly values: unknown[] }> = {
    heartbeat: { text: heartbeat(names('eventsourced', 'counters')), values: caller },
    get: { text: counts(names('eventsourced', 'counters')), values: [...caller, 'key 3'] },
    change: {
      text: changes(names('eventsourced', 'counters')),
      values: [null, ['n'], ['instance 7'], [30_000], [600_000], ['key 3'], ['add'], ['1'], [WRITER], ['1']],
    },
  }
  /** How many pages each operation looks at. */
  const costs = async (): Promise<Record<string, number>> => {
    const pages: Record<string, number> = {}
    for (const [name, { text, values }] of Object.entries(operations)) {
      // The first plans, and a heartbeat is due with it or is not.
      await admin.query(text, values)
      const { rows } = await admin.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        `${IN_ANALYSIS} ${text}`,
        values,
      )
      const plan = rows[0]?.['QUERY PLAN'][0].Plan
      pages[name] = (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0)
    }
    return pages
  }
  await fill(0, 10)
  const few = await costs()
  await fill(10, 250)
  const many = await costs()
  // Twenty-five times the slices make the tree of an index a level deeper, here and there.
  const dearer = Object.entries(many).filter(([name, pages]) => pages >= 2 * (few[name] ?? 0))
  expect(dearer).toEqual([])
  expect(Object.values(few).every((pages) => pages > 0)).toBe(true)
})
