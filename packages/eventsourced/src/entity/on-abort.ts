/** Whom a signal calls, and how it is told that it need not any more. */
interface Callbacks {
  readonly all: Set<() => void>
  readonly unlisten: () => void
}

const callbacksOf = new WeakMap<AbortSignal, Callbacks>()

/**
 * Calls back when a signal fires. However many commands share a signal, it has one listener: of more than ten the platform warns as of a
 * leak, and to take one away it goes through all.
 *
 * @returns ends that
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = callbacksOf.get(signal) ?? listenTo(signal)
  callbacks.all.add(callback)
  return () => {
    callbacks.all.delete(callback)
    if (callbacks.all.size === 0) callbacks.unlisten()
  }
}

function listenTo(signal: AbortSignal): Callbacks {
  const all = new Set<() => void>()
  const callAll = () => {
    for (const callback of all) callback()
  }
  signal.addEventListener('abort', callAll)
  const unlisten = () => {
    signal.removeEventListener('abort', callAll)
    callbacksOf.delete(signal)
  }
  const callbacks = { all, unlisten }
  callbacksOf.set(signal, callbacks)
  return callbacks
}
