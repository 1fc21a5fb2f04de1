/** Takes on trust that bytes hold what was encoded into them: the log promises it, and no type can express it. The one place for it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type that it trusts in
export function asStored<Value>(value: unknown): Value {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the reason is above
  return value as Value
}
