import { v7 } from 'uuid'

/** How an appendId reads: the UUID of the writer's incarnation, a dash, a counter. */
export const APPEND_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-(0|[1-9][0-9]{0,14})$/

/**
 * Makes the appendIds of one incarnation of a writer. Each call gives a new one: one for each different content, never one for two.
 *
 * @example
 * const nextAppendId = appendIds()
 * nextAppendId() // '0193…-1'
 */
export function appendIds(): () => string {
  const incarnation = `${v7()}-`
  let count = 0
  return () => `${incarnation}${++count}`
}
