import type { EventSourced } from '../domain/event-sourced.js'
import { type EntityOptions, type EntityType, entityType } from './options.js'

/** By domain type and then by options, both as objects: it lasts as long as they do. */
const shared = new WeakMap<object, WeakMap<object, object>>()

/**
 * What the entities of a domain type share that are spawned with the same options object. Made for each of a thousand entities it would take more
 * memory than they do, and make the processor fetch a thousand copies of the same in turn.
 *
 * @throws {InvalidInputError}
 */
export function sharedType<Cmd, Evt, State>(
  domain: EventSourced<Cmd, Evt, State>,
  options: EntityOptions<Evt, State>,
): EntityType<Cmd, Evt, State> {
  const known = shared.get(domain)?.get(options)
  if (known !== undefined && isTypeOf(known, domain)) return known
  const type = entityType(domain, options)
  const byOptions = shared.get(domain) ?? new WeakMap<object, object>()
  shared.set(domain, byOptions.set(options, type))
  return type
}

function isTypeOf<Cmd, Evt, State>(
  type: object,
  domain: EventSourced<Cmd, Evt, State>,
): type is EntityType<Cmd, Evt, State> {
  return 'domain' in type && type.domain === domain
}
