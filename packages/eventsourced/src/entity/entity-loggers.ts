import type { Logger } from 'pino'
import type { EntityKey } from '../log/entity-key.js'

/**
 * The logger of each entity: a child that bears its type name and its id. It is made when the entity first has something to log, which
 * most of a hundred thousand live ones never have, and lasts as long as the entity's key.
 */
export function entityLoggers(logger: Logger | undefined): (key: EntityKey) => Logger | undefined {
  if (logger === undefined) return () => undefined
  const loggers = new WeakMap<EntityKey, Logger>()
  return (key) => {
    const known = loggers.get(key)
    if (known !== undefined) return known
    const child = logger.child({ typeName: key.typeName, id: key.id })
    loggers.set(key, child)
    return child
  }
}
