import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvalidInputError } from '../errors.js'
import { checkId, checkTypeName, entityKey, nameOf } from './entity-key.js'

const uuids = fc.uuid()
const typeNames = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)

test('a key is its type name and its id in lower case, whichever version the id has', () => {
  fc.assert(
    fc.property(typeNames, uuids, fc.boolean(), (typeName, id, isUpper) => {
      expect(entityKey(typeName, isUpper ? id.toUpperCase() : id)).toEqual({ typeName, id: id.toLowerCase() })
    }),
  )
})

test('a key that was checked passes again unchanged', () => {
  fc.assert(
    fc.property(typeNames, uuids, (typeName, id) => {
      const key = entityKey(typeName, id)
      expect(entityKey(key.typeName, key.id)).toEqual(key)
    }),
  )
})

test('a name tells type and id', () => {
  expect(nameOf({ typeName: 'counter', id: 'an id' })).toBe('counter an id')
})

test.for(['', 'with.dot', 'with space', 'größe', 'star*', 'gr>ter', 'a\n', '\na', 'a\0', 'x'.repeat(65)])(
  'the type name %j is refused by name',
  (typeName) => {
    expect(() => checkTypeName(typeName)).toThrow(InvalidInputError)
    expect(() => entityKey(typeName, '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d')).toThrow(/^typeName is /)
  },
)

test.for([
  '',
  'no-uuid',
  '0193a0b47e5f7c3b8a1d2e4f6a8b0c1d',
  '{0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d}',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d\n',
  '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1g',
])('the id %j is refused by name', (id) => {
  expect(() => checkId(id)).toThrow(InvalidInputError)
  expect(() => entityKey('counter', id)).toThrow(/^id is /)
})

test('any text that is no UUID is refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => checkId(text)).toThrow(InvalidInputError)
    }),
  )
})
