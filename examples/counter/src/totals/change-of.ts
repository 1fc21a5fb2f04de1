import type { Evt } from '../counter.js'

/** By how much an event changes its counter. */
export function changeOf(evt: Evt): bigint {
  return evt.type === 'Increased' ? evt.inc : -evt.dec
}
