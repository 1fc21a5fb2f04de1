import type { Logger } from 'pino'

/** What ends a watch. */
interface Watching {
  readonly stop: () => void
}

/** Begins to watch. A store that can't is looked at every so often, as one is that does not offer it: nobody depends on a watch. */
export function watched(logger: Logger | undefined, watch: () => Watching | undefined): Watching | undefined {
  try {
    return watch()
  } catch (error) {
    logger?.warn({ err: error }, 'changes can not be watched: they are noticed later')
    return undefined
  }
}
