import { expect, test } from 'vitest'
import { setting } from './counters.test.fixture.js'

test('more counters than the server lists at once all come, each once', async () => {
  const { counters, stream } = await setting()
  const count = 200_500
  const names = Array.from({ length: count }, (_, index) => `${stream}.${index}`)
  for (let start = 0; start < count; start += 10_000) {
    await Promise.all(names.slice(start, start + 10_000).map((name) => counters.increment(name)))
  }
  const seen: string[] = []
  for await (const { subject } of counters.getMultiple(`${stream}.*`)) seen.push(subject)
  expect(seen.length).toBe(count)
  expect(new Set(seen)).toEqual(new Set(names))
})
