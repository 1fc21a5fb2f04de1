/**
 * Freezes a value and all that it holds, so that whoever changes it throws where he does so. What JavaScript can't freeze (the content of
 * Map, Set, Date and typed arrays) stays changeable.
 */
export function deepFreeze<Value>(value: Value): Value {
  freeze(value, new Set())
  return value
}

function freeze(value: unknown, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  if (ArrayBuffer.isView(value)) return
  if (value instanceof Map || value instanceof Set) {
    for (const [key, item] of value.entries()) {
      freeze(key, seen)
      freeze(item, seen)
    }
  }
  for (const key of Reflect.ownKeys(value)) freeze(Reflect.get(value, key), seen)
  Object.freeze(value)
}
