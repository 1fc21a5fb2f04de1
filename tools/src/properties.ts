import { randomInt } from 'node:crypto'
import { array, assert, asyncProperty, constantFrom, nat, noBias, sample } from 'fast-check'

/** How many numbers a row has: enough for all that one step of a scenario has to choose. */
const ROW = 12

/** How many scenarios are drawn, and by which dice. */
export interface ScenariosOptions {
  /** Of the same seed come the same scenarios. */
  readonly seed: number
  readonly count: number
  /** The most steps that a scenario has. */
  readonly maxSteps: number
  /** When no more of them are tried, be it to find a failure or to make it smaller; 25,000 ms by default. */
  readonly timeLimitMs?: number
}

/**
 * Checks random scenarios, each as rows of numbers that choose its steps: what fails is shrunk to few and simple steps.
 *
 * @throws {Error} naming the seed and the smallest scenario found that fails
 */
export async function assertScenarios(
  check: (rows: readonly (readonly number[])[]) => Promise<void>,
  { seed, count, maxSteps, timeLimitMs = 25_000 }: ScenariosOptions,
): Promise<void> {
  const row = array(noBias(nat(9_999)), { minLength: ROW, maxLength: ROW })
  const rows = array(row, { maxLength: maxSteps + 1, size: 'max' })
  await assert(asyncProperty(rows, check), { seed, numRuns: count, interruptAfterTimeLimit: timeLimitMs })
}

/** The seed of a run: a random one, or the one of a run before. Say it in the test's name, and run it again: `FC_SEED=… npx vitest run …`. */
export function seedOfRun(): number {
  const { FC_SEED } = process.env
  return FC_SEED === undefined ? randomInt(2 ** 31) : Number(FC_SEED)
}

/** Draws so many of some options: of the same seed the same. */
export function drawn<Option>(
  options: readonly Option[],
  { seed, count }: { readonly seed: number; readonly count: number },
): Option[] {
  return sample(noBias(constantFrom(...options)), { seed, numRuns: count })
}
