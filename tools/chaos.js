/// <reference types="node" />
// Runs the chaos tests: node tools/chaos.js [--rounds 50] [--seed 42] [whatever else vitest takes, such as a part of a file's name]

import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { rounds = '10', seed = String(randomInt(2 ** 31)), rest } = optionsOf(process.argv.slice(2))

process.stderr.write(`Chaos; again the same by: npm run test:chaos -- --rounds ${rounds} --seed ${seed}\n`)
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', 'vitest.chaos.config.ts', ...rest], {
  cwd: root,
  env: { ...process.env, CHAOS_ROUNDS: rounds, CHAOS_SEED: seed },
  stdio: 'inherit',
})
process.exitCode = status ?? 1

/**
 * @param {string[]} args
 * @returns {{ rounds?: string, seed?: string, rest: string[] }}
 */
function optionsOf(args) {
  /** @type {{ rounds?: string, seed?: string, rest: string[] }} */
  const options = { rest: [] }
  const left = [...args]
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [name, given] = arg.split('=', 2)
    if (name === '--rounds') options.rounds = wholeNumber(name, given ?? left.shift(), 1)
    else if (name === '--seed') options.seed = wholeNumber(name, given ?? left.shift(), 0)
    else options.rest.push(arg)
  }
  return options
}

/**
 * @param {string} name
 * @param {string | undefined} value
 * @param {number} least
 */
function wholeNumber(name, value, least) {
  const number = Number(value)
  if (value !== undefined && value !== '' && Number.isSafeInteger(number) && number >= least) return value
  process.stderr.write(`${name} is ${value ?? 'missing'}: expected a whole number, ${least} or more\n`)
  process.exit(2)
}
