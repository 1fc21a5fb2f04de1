import { randomInt } from 'node:crypto'
import { InvalidInputError } from '../errors.js'
import type { InstanceAwareCounterSubject } from './counters/fixture.js'
import { counterStep, runCounterScenario } from './counters/scenario.js'
import { Choices, seededNumbers } from './entity-scenario/choices.js'
import { type SuiteCase, suiteCase } from './suite-case.js'

/** Which scenarios, and how many. */
export interface CounterScenariosOptions {
  /** How many; each has a seed of its own, one above the last one's. 10 by default. */
  readonly count?: number
  /** The seed of the first; a random one if undefined. Each case has its seed in its name, so that it can be run again. */
  readonly seed?: number | string | undefined
  /** How many steps each has; 60 by default. */
  readonly steps?: number
}

/**
 * Random scenarios that strict counters must come through on a store: three instances count, set, delete and clear two keys, die, come back, are
 * forgotten and opened anew, and one answer in five is lost. Each answer is compared with a plain model's.
 *
 * @throws {InvalidInputError} if an option is wrong
 * @example
 * test.for(counterScenarios({ seed: process.env.FC_SEED }))('$name', ({ run }) => run(create)) // vitest
 */
export function counterScenarios({
  count = 10,
  seed = randomInt(2 ** 31),
  steps = 60,
}: CounterScenariosOptions = {}): readonly SuiteCase<InstanceAwareCounterSubject>[] {
  const first = Number(seed)
  if (seed === '' || !Number.isSafeInteger(first)) throw new InvalidInputError('seed', seed, 'a whole number')
  return Array.from({ length: count }, (_, index) =>
    suiteCase(`seed ${first + index}: each answer is the model’s`, async (subject) => {
      const choices = new Choices(seededNumbers(first + index))
      await runCounterScenario(
        subject,
        Array.from({ length: steps }, () => counterStep(choices)),
      )
    }),
  )
}
