import { RefusedError, UncertainError } from 'eventsourced'
import { expect, test } from 'vitest'
import type { Row } from '../database/statement.js'
import { type AskedChange, ChangeGroups } from './change-groups.js'

const instance = { namespace: 'n', instanceId: 'i', deadInstanceThreshold: 1_000, forgetAfter: 1_000 }

function asked(key: string, count = 1n): AskedChange {
  return { instance, key, change: { type: 'add', count }, changeId: 'id' }
}

/** Groups as they are sent, each answered once that is asked for: a change by its count. */
function sent() {
  const keys: string[][] = []
  const answers: (() => void)[] = []
  const groups = new ChangeGroups((group) => {
    keys.push(group.map(({ key }) => key))
    const rows = group.map(({ change }): Row => ['count' in change ? String(change.count) : ''])
    return new Promise((resolve) => answers.push(() => resolve(rows)))
  })
  return { groups, keys, answers }
}

test('a change that comes alone goes alone, and those that come meanwhile go together', async () => {
  const { groups, keys, answers } = sent()
  const first = groups.add(asked('k', 1n))
  await expect.poll(() => keys).toEqual([['k']])
  const others = ['d', 'a', 'c', 'a', 'b'].map((key, index) => groups.add(asked(key, BigInt(10 + index))))
  answers[0]?.()
  expect(await first).toEqual(['1'])
  await expect.poll(() => keys.length).toBe(2)
  // In the order of their keys, in which all processes lock them, and of one key one at a time.
  expect(keys[1]).toEqual(['a', 'b', 'c', 'd'])
  answers[1]?.()
  await expect.poll(() => keys.length).toBe(3)
  expect(keys[2]).toEqual(['a'])
  answers[2]?.()
  expect(await Promise.all(others)).toEqual([['10'], ['11'], ['12'], ['13'], ['14']])
  const last = groups.add(asked('k', 2n))
  await expect.poll(() => keys.length).toBe(4)
  answers[3]?.()
  expect(await last).toEqual(['2'])
})

test('one that is refused fails alone; where all may be made, all are uncertain', async () => {
  const refusing = new ChangeGroups(async (group) => {
    if (group.some(({ key }) => key === 'bad')) throw new RefusedError('bad-input', 'it is bad')
    return group.map((): Row => ['made'])
  })
  const outcomes = await Promise.allSettled(['alone', 'a', 'bad', 'c'].map((key) => refusing.add(asked(key))))
  expect(outcomes).toMatchObject([
    { status: 'fulfilled', value: ['made'] },
    { status: 'fulfilled', value: ['made'] },
    { status: 'rejected', reason: { code: 'REFUSED' } },
    { status: 'fulfilled', value: ['made'] },
  ])
  const lost = new ChangeGroups(() => Promise.reject(new UncertainError('no answer')))
  const all = await Promise.allSettled(['alone', 'a', 'b'].map((key) => lost.add(asked(key))))
  const uncertain = { reason: { code: 'UNCERTAIN' } }
  expect(all).toMatchObject([uncertain, uncertain, uncertain])
})

test('whoever is answered less than was sent is told that it is uncertain', async () => {
  const groups = new ChangeGroups(async () => [['made']])
  const outcomes = await Promise.allSettled(['alone', 'a', 'b'].map((key) => groups.add(asked(key))))
  expect(outcomes).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }, { reason: { code: 'UNCERTAIN' } }])
})
