import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { decodePage } from './decode-page.js'

const PAGES = 200
const EVTS = 1_000

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

function page() {
  const list = (text: () => string): string => Array.from({ length: EVTS }, text).join('\n')
  const number = () => '1'
  const type = () => 'SomethingHappened'
  const columns = [number, number, () => `${randomUUID()}-1`, number, number, randomUUID, type, () => 'ff', () => '{}']
  return decodePage(['t', '1', ...columns.map(list)], 0, (id) => ({ typeName: 'counter', id }))
}

// In a file of its own, since it looks at the memory of the whole process.
test('what is kept of an event keeps nothing of its page', () => {
  const before = usedBytes()
  const kept = Array.from({ length: PAGES }, () => {
    const { evts } = page()
    return evts.slice(0, 1).map(({ key, appendId, type }) => ({ id: key.id, appendId, type }))
  })
  expect(usedBytes() - before).toBeLessThan(1_000_000)
  expect(new Set(kept.flat().map(({ id }) => id)).size).toBe(PAGES)
})

function usedBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
