import { InvalidInputError } from 'eventsourced'

export function isFields(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Refuses fields that nobody knows: misspelt ones would be ignored in silence. */
export function checkFields(name: string, value: object, known: readonly string[]): void {
  for (const [field, content] of Object.entries(value)) {
    if (content === undefined || known.includes(field)) continue
    const path = name === '' ? field : `${name}.${field}`
    throw new InvalidInputError(path, content, `no such setting, but some of ${known.join(', ')}`)
  }
}

export function checkText(field: string, value: unknown): string {
  if (typeof value !== 'string' || value.length === 0)
    throw new InvalidInputError(field, value, 'a text that is not empty')
  return value
}

export function checkCount(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new InvalidInputError(field, value, `a whole number from ${min} to ${max}`)
  }
  return value
}

export function checkFlag(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new InvalidInputError(field, value, 'true or false')
  return value
}

/** The name of a stream or bucket: it becomes a part of subjects. */
export function checkName(field: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(value)) {
    throw new InvalidInputError(field, value, '1 to 64 of the characters A-Z a-z 0-9 _ -, the first a letter or digit')
  }
  return value
}
