import { randomInt } from 'node:crypto'
import { InvalidInputError } from '../errors.js'
import { type EntitySubject, runScenario } from './entity-scenario/run-scenario.js'
import { type Scenario, scenarioOf, seededScenario } from './entity-scenario/scenario.js'
import { type SuiteCase, suiteCase } from './suite-case.js'

const PROMISE = 'what is acknowledged is stored once, whatever goes wrong'

/** Which scenarios, and how many. */
export interface EntityScenariosOptions {
  /** How many; each has a seed of its own, one above the last one's. 20 by default. */
  readonly count?: number
  /** The seed of the first; a random one if undefined. Each case has its seed in its name, so that it can be run again. */
  readonly seed?: number | string | undefined
  /** How many steps each has; 40 by default. */
  readonly steps?: number
}

/**
 * Seeded scenarios that entities must come through on a log and a snapshot store: two processes send commands of all kinds to the same
 * entities, while appends, reads and snapshots fail, hang, conflict and are answered too late, entities are passivated, restarted, given
 * up and forgotten. What callers heard and what the log holds is then compared with a plain model: each acknowledged command is stored
 * exactly once, whole and in its place; of each other, but for an uncertain one, nothing is; each reply and rejection fits the events before it.
 *
 * What went wrong is told with all steps, answers and events. The same seed gives the same steps; how they interleave is the backend's
 * business.
 *
 * @throws {InvalidInputError} if an option is wrong
 * @example
 * test.for(entityScenarios({ seed: process.env.FC_SEED }))('$name', ({ run }) => run(create)) // vitest
 */
export function entityScenarios({
  count = 20,
  seed = randomInt(2 ** 31),
  steps = 40,
}: EntityScenariosOptions = {}): readonly SuiteCase<EntitySubject>[] {
  const first = Number(seed)
  if (seed === '' || !Number.isSafeInteger(first)) throw new InvalidInputError('seed', seed, 'a whole number')
  return Array.from({ length: count }, (_, index) =>
    scenarioCase(`seed ${first + index}: ${PROMISE}`, seededScenario(first + index, steps)),
  )
}

/**
 * One such scenario, chosen by rows of random numbers, the first its setup and each other one a step: for a library for property-based tests, which
 * shrinks them to the fewest and simplest steps that go wrong.
 *
 * @example
 * const rows = fc.array(fc.array(fc.nat(9_999), { minLength: 12, maxLength: 12 }), { maxLength: 40 }) // fast-check
 * await fc.assert(fc.asyncProperty(rows, (rows) => entityScenario(rows).run(create)))
 */
export function entityScenario(rows: readonly (readonly number[])[]): SuiteCase<EntitySubject> {
  return scenarioCase(PROMISE, scenarioOf(rows))
}

function scenarioCase(name: string, scenario: Scenario): SuiteCase<EntitySubject> {
  return suiteCase(name, async (subject) => {
    await runScenario(subject, scenario)
  })
}
