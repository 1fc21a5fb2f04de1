import { InvalidInputError } from '../errors.js'

/** Checks that options are an object with known fields only: a misspelt one would otherwise be as good as absent. @throws {InvalidInputError} */
export function checkFields(name: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new InvalidInputError(name, options, 'an object')
  for (const [field, value] of Object.entries(options)) {
    if (!known.includes(field)) {
      throw new InvalidInputError(`${name}.${field}`, value, `no such field; there are ${known.join(', ')}`)
    }
  }
}

/** Checks that a part bears the methods that it is needed for. @throws {InvalidInputError} */
export function checkPart(name: string, part: unknown, methods: readonly string[]): void {
  const isPart = typeof part === 'object' && part !== null
  if (!isPart || methods.some((method) => typeof Reflect.get(part, method) !== 'function')) {
    throw new InvalidInputError(name, part, `an object with ${methods.join(', ')}`)
  }
}
