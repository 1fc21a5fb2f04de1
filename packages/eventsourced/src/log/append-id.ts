import { v7 } from 'uuid'

/** How an appendId reads: the UUID of the writer's incarnation, a dash, a counter. */
export const APPEND_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-(0|[1-9][0-9]{0,14})$/

/** An appendId in its parts, as those keep it who have many: all of a writer's share the first one. */
export interface AppendIdParts {
  /** The incarnation's UUID and the dash: put together with each count, three parts would take twice the memory of two. */
  readonly prefix: string
  readonly count: number
}

/** A writer from its start to its end: it numbers its appends. */
export class Incarnation {
  readonly prefix = `${v7()}-`
  #count = 0

  /** Which append is the next one. Never the same for two. */
  next(): number {
    return ++this.#count
  }
}

/**
 * Makes the appendIds of one incarnation of a writer. Each call gives a new one: one for each different content, never one for two.
 *
 * @example
 * const nextAppendId = appendIds()
 * nextAppendId() // '0193…-1'
 */
export function appendIds(): () => string {
  const incarnation = new Incarnation()
  return () => appendIdOf(incarnation.prefix, incarnation.next())
}

export function appendIdOf(prefix: string, count: number): string {
  return `${prefix}${count}`
}

/** The parts of what {@link appendIds} made. */
export function appendIdParts(appendId: string): AppendIdParts {
  const end = appendId.lastIndexOf('-') + 1
  return { prefix: appendId.slice(0, end), count: Number(appendId.slice(end)) }
}
