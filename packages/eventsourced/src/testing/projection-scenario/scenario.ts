import { Choices, seededNumbers } from '../entity-scenario/choices.js'

/** How many processes there may be at once, and how many entities there are. */
export const MAX_PROCESSES = 4
export const ENTITY_COUNT = 8

/** What may go wrong with the next calls of a process. */
export const PROJECTION_FAULTS = [
  'delivery fails',
  'delivery answered late',
  'claim fails',
  'claim answered late',
  'heartbeat fails',
  'take answered late',
  'read fails',
  'head fails',
] as const

export type ProjectionFault = (typeof PROJECTION_FAULTS)[number]

export type ProjectionStep =
  | { readonly do: 'append'; readonly entity: number; readonly count: number }
  | { readonly do: 'start' }
  | { readonly do: 'stop'; readonly pick: number }
  /** It does nothing any more, and leaves everything as it is. */
  | { readonly do: 'crash'; readonly pick: number }
  /** It reaches nothing any more, for as long: longer than its leases last, or not. */
  | { readonly do: 'cut off'; readonly pick: number; readonly ms: number }
  | { readonly do: 'fault'; readonly pick: number; readonly kind: ProjectionFault; readonly times: number }
  /** The handler fails, or hangs, so many times on the entity's events; 3 are parked. */
  | { readonly do: 'poison'; readonly entity: number; readonly how: 'throws' | 'hangs'; readonly times: number }
  | { readonly do: 'retry parked'; readonly entity: number }
  /** The mark is stored by which an entity is forgotten: what is parked of it goes. */
  | { readonly do: 'forget'; readonly entity: number }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'let time pass'; readonly ms: number }

/** What happens to a projection in several processes, as data. */
export interface ProjectionScenario {
  readonly seed: number
  readonly steps: readonly ProjectionStep[]
}

/** The scenario of a seed: the same one each time. */
export function projectionScenario(seed: number, stepCount: number): ProjectionScenario {
  const choices = new Choices(seededNumbers(seed))
  return { seed, steps: Array.from({ length: stepCount }, () => chooseStep(choices)) }
}

function chooseStep(choices: Choices): ProjectionStep {
  const kind = choices.below(25)
  const entity = choices.below(ENTITY_COUNT)
  const pick = choices.below(100)
  if (kind < 10) return { do: 'append', entity, count: choices.oneOf(1, 1, 3, 20) }
  if (kind < 13) return { do: 'start' }
  if (kind < 16) return { do: 'fault', pick, kind: choices.oneOf(...PROJECTION_FAULTS), times: choices.oneOf(1, 1, 3) }
  switch (kind) {
    case 16:
      return { do: 'stop', pick }
    case 17:
      return { do: 'crash', pick }
    case 18:
      return { do: 'cut off', pick, ms: choices.oneOf(50, 400, 1_200) }
    case 19:
    case 20:
      return { do: 'poison', entity, how: choices.oneOf('throws', 'throws', 'hangs'), times: choices.oneOf(1, 2, 3, 7) }
    case 21:
      return { do: 'retry parked', entity }
    case 22:
      return { do: choices.oneOf('pause', 'resume') }
    case 23:
      return { do: 'forget', entity }
    default:
      return { do: 'let time pass', ms: choices.oneOf(20, 100, 700) }
  }
}
