import { expect, test } from 'vitest'
import { isConnectionSpent, meaningOf } from './sqlstate.js'

function answered(code: string): Error {
  return Object.assign(new Error('from the server'), { code, severity: 'ERROR' })
}

test.each([
  ['22P05', 'data'],
  ['23514', 'data'],
  ['23505', 'collision'],
  ['2200H', 'full'],
  ['22003', 'full'],
  ['54000', 'too-large'],
  ['28P01', 'forbidden'],
  ['42501', 'forbidden'],
  ['44000', 'data'],
  ['P0001', 'data'],
  ['42P01', 'no-schema'],
  ['42703', 'no-schema'],
  ['3F000', 'no-schema'],
  ['40001', 'later'],
  ['40P01', 'later'],
  ['53100', 'later'],
  ['55P03', 'later'],
  ['57014', 'later'],
  ['25006', 'later'],
  ['26000', 'later'],
  ['ES001', 'isolation'],
  // Whether these were committed before they were said is not known.
  ['40003', 'unknown'],
  ['57P01', 'unknown'],
  ['57P02', 'unknown'],
  ['08006', 'unknown'],
  ['XX000', 'unknown'],
  ['58030', 'unknown'],
])('an answer of %s means %s', (code, meaning) => {
  expect(meaningOf(answered(code))).toBe(meaning)
})

test('a unique constraint that is none of ours was added by somebody: who breaks it is refused', () => {
  const broken = (constraint: string) => meaningOf(Object.assign(answered('23505'), { constraint }))
  expect(broken('events_pkey')).toBe('collision')
  expect(broken('events_type_name_position_key')).toBe('collision')
  expect(broken('events_expr_idx')).toBe('data')
})

test('a full queue of notifications is no fault of the append’s', () => {
  const error = Object.assign(answered('54000'), { routine: 'PreCommit_Notify' })
  expect(meaningOf(error)).toBe('later')
})

test('an error that is no answer of the server leaves all open, whatever its code looks like', () => {
  for (const error of [
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }),
    new Error('ended'),
    'a text',
    undefined,
  ]) {
    expect(meaningOf(error)).toBe('unknown')
    expect(isConnectionSpent(error)).toBe(true)
  }
})

test('a connection is given back after an answer, but not when it has ended or its server can no longer be written to', () => {
  for (const code of ['22P05', '23505', '55P03', '57014']) expect(isConnectionSpent(answered(code))).toBe(false)
  for (const code of ['57P01', '08006', '25006', '26000', 'XX000']) expect(isConnectionSpent(answered(code))).toBe(true)
})
