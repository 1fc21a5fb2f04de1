import { InvalidInputError } from '../errors.js'

/** Which projection: a version of one starts from the beginning, beside the others of its name, and has all its records for itself. */
export interface ProjectionKey {
  /** Matches `[A-Za-z0-9_-]{1,64}`. */
  readonly name: string
  /** 1 or more. */
  readonly version: number
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/
const MAX_VERSION = 2 ** 31 - 1

/** Checks a projection's name. @throws {InvalidInputError} */
export function checkProjectionName(name: string): void {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new InvalidInputError('name', name, '1 to 64 of the characters A-Z a-z 0-9 _ -')
  }
}

/** Checks a projection's key. For authors of stores. @throws {InvalidInputError} */
export function checkProjectionKey({ name, version }: ProjectionKey): void {
  checkProjectionName(name)
  if (!Number.isInteger(version) || version < 1 || version > MAX_VERSION) {
    throw new InvalidInputError('version', version, `a whole number from 1 to ${MAX_VERSION}`)
  }
}

/** The group in which the processes of a projection share its slices; also a projection as messages name it. */
export function groupOf({ name, version }: ProjectionKey): string {
  return `${name}-v${version}`
}
