import { invalidInput } from './counter-error.js'

const PATTERN = /^[^\s.*>]+(\.[^\s.*>]+)*$/
const FILTER = /^(([^\s.*>]+|\*)(\.([^\s.*>]+|\*))*(\.>)?|>)$/

/** @throws {CounterError} `INVALID_INPUT` if it isn't the name of one counter */
export function checkSubject(subject: unknown): string {
  if (typeof subject === 'string' && PATTERN.test(subject) && subject.isWellFormed()) return subject
  throw invalidInput('subject', subject, "a subject without wildcards, such as 'counters.visits'")
}

/**
 * One or several subjects, each of which may have wildcards.
 *
 * @throws {CounterError} `INVALID_INPUT`
 */
export function checkFilters(field: string, filters: unknown): string[] {
  const list: unknown[] = Array.isArray(filters) ? filters : [filters]
  if (list.length === 0) throw invalidInput(field, filters, 'at least one subject')
  const known = new Set<string>()
  for (const filter of list) {
    if (typeof filter !== 'string' || !FILTER.test(filter) || !filter.isWellFormed()) {
      throw invalidInput(field, filter, "subjects, with or without wildcards, such as 'counters.*' or 'counters.>'")
    }
    known.add(filter)
  }
  return [...known]
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('*') || filter.endsWith('>')
}

/** Tells of a subject whether one of the filters matches it. */
export function matcherOf(filters: readonly string[]): (subject: string) => boolean {
  const patterns = filters.map((filter) =>
    filter
      .split('.')
      .map((token) =>
        token === '*' ? '[^.]+' : token === '>' ? '.+' : token.replaceAll(/[\\^$*+?.()|[\]{}/-]/g, '\\$&'),
      )
      .join('\\.'),
  )
  const pattern = new RegExp(`^(?:${patterns.join('|')})$`)
  return (subject) => pattern.test(subject)
}

/** Whether there is a subject that both filters match. */
export function overlap(one: string, other: string): boolean {
  const [left, right] = [one.split('.'), other.split('.')]
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [a, b] = [left[index], right[index]]
    if (a === undefined || b === undefined) return false
    if (a === '>' || b === '>') return true
    if (a !== '*' && b !== '*' && a !== b) return false
  }
  return true
}
