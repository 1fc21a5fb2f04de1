import { expect, test } from 'vitest'
import { createBudget } from './budget.js'

test('who would go over the budget waits, first come, first served', async () => {
  const budget = createBudget(10)
  const order: string[] = []
  const take = (name: string, bytes: number) => {
    const turn = budget.take(bytes)
    if (turn === undefined) order.push(name)
    else void turn.then(() => order.push(name))
  }
  take('a', 6)
  take('b', 6)
  // There is room for it, but b was first.
  take('c', 1)
  expect(order).toEqual(['a'])
  budget.give(6)
  await Promise.resolve()
  expect(order).toEqual(['a', 'b', 'c'])
})

test('what is more than all there is waits for all of it, and goes', async () => {
  const budget = createBudget(10)
  expect(budget.take(1)).toBeUndefined()
  const large = budget.take(1_000)
  budget.give(1)
  await large
  const next = budget.take(1)
  expect(next).toBeInstanceOf(Promise)
  budget.give(1_000)
  await next
})
