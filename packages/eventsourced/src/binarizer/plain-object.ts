/** An object as a literal makes it: with string keys, and no class. */
export type PlainObject = Record<string, unknown>

/** Whether a value is an object as a literal makes it; arrays and instances of classes are not. */
export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
