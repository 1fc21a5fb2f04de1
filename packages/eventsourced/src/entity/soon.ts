import { context, ROOT_CONTEXT } from '@opentelemetry/api'

const NOW = Promise.resolve()
let due: (() => void)[] = []

/**
 * Calls back at the end of this turn: once whoever is about to send a command to the same entity has done so. All callbacks of a turn share one
 * microtask, since one for each command would cost a tenth of it. (And queueMicrotask would make Node keep a resource for each.) It belongs to no
 * caller's trace: an entity works for all of them.
 */
export function soon(callback: () => void): void {
  if (due.push(callback) === 1) void NOW.then(inNoTrace)
}

function inNoTrace(): void {
  context.with(ROOT_CONTEXT, callAll)
}

function callAll(): void {
  const callbacks = due
  due = []
  for (const callback of callbacks) callback()
}
