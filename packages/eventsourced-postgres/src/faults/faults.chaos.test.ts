import { expect, test } from 'vitest'
import { FAULTS, faultRounds } from './fault-rounds.test.helper.js'

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? '1')

test.each(Object.entries(FAULTS))(
  `no event is lost, and none stored twice, through ${rounds} rounds of %s under load`,
  async (_, fault) => {
    await expect(faultRounds(Array.from({ length: rounds }, () => fault))).resolves.toBeUndefined()
  },
)
