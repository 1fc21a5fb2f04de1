import { InvalidInputError } from 'eventsourced'
import type { Json } from '../wire/json.js'

/** What a setting of a stream must be like. */
export interface Rule {
  readonly field: string
  readonly isKept: (value: unknown) => boolean
  readonly expected: string
}

export const isUnlimited = (value: unknown): boolean => value === undefined || value === -1 || value === 0
export const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === false
export const is = (expected: unknown) => (value: unknown) => value === expected

/** What a stream must be like so that it loses nothing, and so that it can be written to, whatever it is for. */
export const LOSSLESS: readonly Rule[] = [
  { field: 'storage', isKept: is('file'), expected: 'file: memory forgets at a restart' },
  { field: 'retention', isKept: is('limits'), expected: 'limits: others remove what is consumed' },
  { field: 'discard', isKept: is('new'), expected: 'new: old removes what is there when the stream is full' },
  { field: 'max_age', isKept: isUnlimited, expected: '0: a limit removes what is old' },
  { field: 'max_msgs', isKept: isUnlimited, expected: '-1: a limit is not for what must be kept' },
  { field: 'allow_msg_counter', isKept: isAbsent, expected: 'false: a stream of counters takes nothing else' },
  {
    field: 'persist_mode',
    isKept: (mode) => mode !== 'async',
    expected: 'default: async acknowledges before it writes',
  },
  { field: 'sealed', isKept: isAbsent, expected: 'false: nothing can be written' },
  { field: 'no_ack', isKept: isAbsent, expected: 'false: a write needs its answer' },
  { field: 'mirror', isKept: isAbsent, expected: 'none: nothing can be written to a mirror' },
  { field: 'subject_transform', isKept: isAbsent, expected: 'none: subjects tell what is what' },
]

/** The rule that a stream listens to one pattern of subjects and no other. */
export function listensTo(subjects: string): Rule {
  return {
    field: 'subjects',
    isKept: (value) => Array.isArray(value) && value.length === 1 && value[0] === subjects,
    expected: `["${subjects}"]`,
  }
}

/** @throws {InvalidInputError} naming the first setting that is wrong as `<what>.<setting>` */
export function checkRules(what: string, settings: Json, rules: readonly Rule[]): void {
  for (const { field, isKept, expected } of rules) {
    if (!isKept(settings[field])) throw new InvalidInputError(`${what}.${field}`, settings[field], expected)
  }
}
