import { expect, test } from 'vitest'
import { counter, fixture } from './counter.test.fixture.js'
import { sharedType } from './shared-type.js'

function entityOptions() {
  const { evtLog, binarizer } = fixture()
  return { evtLog, binarizer }
}

test('entities of one domain type and one options object share what they run on', () => {
  const options = entityOptions()
  expect(sharedType(counter, options)).toBe(sharedType(counter, options))
})

test('another options object, or another domain type, has its own', () => {
  const [one, other] = [entityOptions(), entityOptions()]
  const renamed = { ...counter, typeName: 'renamed' }
  const types = [
    sharedType(counter, one),
    sharedType(counter, other),
    sharedType(renamed, one),
    sharedType(counter, one),
  ]
  expect(types.map(({ domain, evtLog }) => [domain.typeName, evtLog])).toEqual([
    ['counter', one.evtLog],
    ['counter', other.evtLog],
    ['renamed', one.evtLog],
    ['counter', one.evtLog],
  ])
  expect(types[3]).toBe(types[0])
  expect(new Set(types.map(({ writer }) => writer.prefix)).size).toBe(3)
})

test('what is wrong is refused each time', () => {
  const options = { ...entityOptions(), mailboxSize: 0 }
  for (let time = 0; time < 2; time++) {
    expect(() => sharedType(counter, options)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  }
})
