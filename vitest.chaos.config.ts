import { randomInt } from 'node:crypto'
import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

// Set by tools/chaos.js. What a chaos test does so many times, and by which dice, is all that it needs to know.
const { CHAOS_ROUNDS = '10', CHAOS_SEED = String(randomInt(2 ** 31)) } = process.env

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['{packages,tools,examples,benchmarks}/**/*.chaos.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    env: { CHAOS_ROUNDS, CHAOS_SEED },
    testTimeout: 60_000 + Number(CHAOS_ROUNDS) * 30_000,
  },
})
