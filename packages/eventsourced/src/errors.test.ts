import { expect, test } from 'vitest'
import { codeOf, ConflictError, EventSourcedError, isEventSourcedError } from './errors.js'

test('an error is known by its code, also one that another copy of the library threw', () => {
  const fromAnotherCopy = Object.assign(new Error('taken'), { code: 'CONFLICT' })
  for (const error of [new ConflictError('taken'), new EventSourcedError('CONFLICT', 'taken'), fromAnotherCopy]) {
    expect(codeOf(error)).toBe('CONFLICT')
    expect(isEventSourcedError(error)).toBe(true)
  }
})

test("what others throw is no error of the library's", () => {
  const others = [
    new Error('x'),
    Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    { code: 'CONFLICT' },
    undefined,
  ]
  for (const error of others) {
    expect(codeOf(error)).toBeUndefined()
    expect(isEventSourcedError(error)).toBe(false)
  }
})
