import { expect, test } from 'vitest'
import { Turns } from './turns.js'

/** Work that ends when it is told to. */
function held(turns: Turns, name: string, begun: string[]): { end: () => void; done: Promise<void> } {
  let end = () => {}
  const until = new Promise<void>((resolve) => {
    end = resolve
  })
  const done = turns.take(async () => {
    begun.push(name)
    await until
  })
  return { end, done }
}

test('only so many work at once, and the others follow in the order in which they came', async () => {
  const turns = new Turns(2)
  const begun: string[] = []
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => held(turns, name, begun))
  expect(begun).toEqual(['a', 'b'])
  for (const [index, { end, done }] of all.entries()) {
    end()
    await done
    await expect.poll(() => begun).toEqual(['a', 'b', 'c', 'd', 'e'].slice(0, index + 3))
  }
})

test('a turn goes to who waits longest, not to who comes when it becomes free', async () => {
  const turns = new Turns(1)
  const begun: string[] = []
  const first = held(turns, 'first', begun)
  const second = held(turns, 'second', begun)
  const late = first.done.then(() => held(turns, 'late', begun))
  first.end()
  second.end()
  const { end, done } = await late
  end()
  await Promise.all([second.done, done])
  expect(begun).toEqual(['first', 'second', 'late'])
})

test('a turn is over when its work fails, also at once', async () => {
  const turns = new Turns(1)
  await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  const throwing = turns.take(() => {
    throw new Error('at once')
  })
  await expect(throwing).rejects.toThrow('at once')
  expect(await turns.take(async () => 'yes')).toBe('yes')
})

test('200,000 who wait cost each other nothing', async () => {
  const turns = new Turns(3)
  let working = 0
  let most = 0
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: 200_000 }, () =>
      turns.take(async () => {
        working += 1
        most = Math.max(most, working)
        await Promise.resolve()
        working -= 1
      }),
    ),
  )
  expect(most).toBe(3)
  // Taken from the front of an array, they would cost minutes.
  expect(performance.now() - startedAt).toBeLessThan(10_000)
})
