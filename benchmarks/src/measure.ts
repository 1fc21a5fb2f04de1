import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** One of the things that are measured side by side. */
export interface Contender {
  readonly name: string
  /** Runs before each round, and is not measured. */
  readonly prepare?: () => Promise<void>
  /** Does its operations and answers how many. Runs several times. */
  readonly run: () => Promise<number>
}

/** Operations a second of one contender over all rounds. */
export interface Measured {
  readonly name: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: readonly number[]
}

/**
 * Measures contenders in turns, so that whatever else the machine does meets all of them alike. The first round warms up and is
 * not counted. Nobody calls gc() in between: it throws compiled code away, which whoever ran last a few contenders ago then has compiled again within its round,
 * as no service ever has.
 */
export async function measure(contenders: readonly Contender[], rounds = 5): Promise<Measured[]> {
  const rates = contenders.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { prepare, run }] of contenders.entries()) {
      await prepare?.()
      const startedAt = performance.now()
      const operations = await run()
      const rate = operations / ((performance.now() - startedAt) / 1_000)
      if (round > 0) rates[index]?.push(rate)
    }
  }
  return contenders.map(({ name }, index) => summary(name, rates[index] ?? []))
}

/**
 * Measures contenders in turns too, each in a process of its own: in one process the compiler would optimise what they share for
 * both at once. The script measures the contender that its argument names, and prints the rounds as JSON.
 */
export async function measureApart(script: URL, names: readonly string[], turns = 3): Promise<Measured[]> {
  const rates = names.map((): number[] => [])
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, name] of names.entries()) {
      const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', fileURLToPath(script), name])
      rates[index]?.push(...parseRounds(stdout))
    }
  }
  return names.map((name, index) => summary(name, rates[index] ?? []))
}

function parseRounds(json: string): number[] {
  const rounds: unknown = JSON.parse(json)
  if (!Array.isArray(rounds)) throw new Error(`not a list of rounds: ${json}`)
  return rounds.map(Number)
}

function summary(name: string, rounds: readonly number[]): Measured {
  return { name, median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds }
}

/** How many times as fast one is as another: the median over the rounds, since each round's pair ran under the same conditions. */
export function ratio(one: Measured | undefined, other: Measured | undefined): number {
  if (one === undefined || other === undefined) throw new Error('a contender was not measured')
  return median(one.rounds.map((rate, round) => rate / (other.rounds[round] ?? Number.NaN)))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
