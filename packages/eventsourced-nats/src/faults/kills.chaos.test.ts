import { expect, test } from 'vitest'
import { type Killed, killRounds } from './kill-rounds.test.helper.js'

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? '1')

test.each<Killed>(['server', 'client'])(
  `what was acknowledged is there, once and in order, after each of ${rounds} kills with -9 of the %s under load`,
  async (killed) => {
    await expect(killRounds(Array.from({ length: rounds }, () => killed))).resolves.toBeUndefined()
  },
)
