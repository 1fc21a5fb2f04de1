import { randomInt } from 'node:crypto'
import { InvalidInputError } from '../errors.js'
import { runProjectionScenario } from './projection-scenario/run-projection-scenario.js'
import { projectionScenario } from './projection-scenario/scenario.js'
import type { ProjectionSubject } from './projection-scenario/subject.js'
import { type SuiteCase, suiteCase } from './suite-case.js'

/** Which scenarios, and how many. */
export interface ProjectionScenariosOptions {
  /** How many; each has a seed of its own, one above the last one's. 10 by default. */
  readonly count?: number
  /** The seed of the first; a random one if undefined. Each case has its seed in its name, so that it can be run again. */
  readonly seed?: number | string | undefined
  /** How many steps each has; 40 by default. */
  readonly steps?: number
}

/** A case takes that long at most. */
const DEADLINE_MS = 120_000

/**
 * Random scenarios that a projection must come through: processes start, stop, crash and are cut off while events are stored, handlers fail and hang, and
 * deliveries, claims, leases and reads fail or are answered too late. Then all is well again, and the read model must hold every event in its
 * place: exactly once, or at least once, as the subject says.
 *
 * @throws {InvalidInputError} if an option is wrong
 * @example
 * test.for(projectionScenarios({ seed: process.env.CHAOS_SEED }))('$name', ({ run }) => run(create)) // vitest
 */
export function projectionScenarios({
  count = 10,
  seed = randomInt(2 ** 31),
  steps = 40,
}: ProjectionScenariosOptions = {}): readonly SuiteCase<ProjectionSubject>[] {
  const first = Number(seed)
  if (seed === '' || !Number.isSafeInteger(first)) throw new InvalidInputError('seed', seed, 'a whole number')
  return Array.from({ length: count }, (_, index) => {
    const name = `seed ${first + index}: every event is applied, in its place, whatever goes wrong`
    const { run } = suiteCase<ProjectionSubject>(name, (subject) =>
      runProjectionScenario(subject, projectionScenario(first + index, steps)),
    )
    return { name, run: (create, { deadlineMs = DEADLINE_MS } = {}) => run(create, { deadlineMs }) }
  })
}
