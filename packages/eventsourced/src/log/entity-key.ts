import { validate } from 'uuid'
import { InvalidInputError } from '../errors.js'

/** Which entity: two types may share an id and never see each other's events. */
export interface EntityKey {
  /** Matches `[A-Za-z0-9_-]{1,64}`. */
  readonly typeName: string
  /** A UUID of any version, in lower case. */
  readonly id: string
}

const TYPE_NAME = /^[A-Za-z0-9_-]{1,64}$/

/** Checks a type name. @throws {InvalidInputError} */
export function checkTypeName(typeName: string): string {
  if (typeof typeName !== 'string' || !TYPE_NAME.test(typeName)) {
    throw new InvalidInputError('typeName', typeName, '1 to 64 of the characters A-Z a-z 0-9 _ -')
  }
  return typeName
}

/** Checks an id and lower-cases it: the door by which every id comes in. @throws {InvalidInputError} */
export function checkId(id: string): string {
  if (!validate(id)) throw new InvalidInputError('id', id, 'a UUID')
  return id.toLowerCase()
}

/** A key that was checked: nobody need look at it again. */
class CheckedKey implements EntityKey {
  readonly typeName: string
  readonly id: string

  constructor(typeName: string, id: string) {
    this.typeName = checkTypeName(typeName)
    this.id = checkId(id)
    Object.freeze(this)
  }
}

/** The key of an entity, checked and in lower case. @throws {InvalidInputError} */
export function entityKey(typeName: string, id: string): EntityKey {
  return new CheckedKey(typeName, id)
}

/** A key that nobody can change, of one that was checked. */
export function checkedKey(key: EntityKey): EntityKey {
  return key instanceof CheckedKey ? key : new CheckedKey(key.typeName, key.id)
}

/** Checks that a key is what {@link entityKey} makes. For authors of logs and stores. @throws {InvalidInputError} */
export function checkKey(key: EntityKey): void {
  if (key instanceof CheckedKey) return
  checkTypeName(key.typeName)
  if (checkId(key.id) !== key.id) {
    throw new InvalidInputError('id', key.id, 'a UUID in lower case, as entityKey() makes it')
  }
}

/** An entity as messages name it. */
export function nameOf({ typeName, id }: EntityKey): string {
  return `${typeName} ${id}`
}
