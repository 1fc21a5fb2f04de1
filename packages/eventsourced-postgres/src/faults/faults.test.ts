import { expect, test } from 'vitest'
import { FAULTS, faultRounds } from './fault-rounds.test.helper.js'

/** Many more rounds of each: `npm run test:chaos -- --rounds 50 postgres`. */
test(`no event is lost, and none stored twice, through ${Object.keys(FAULTS).join(', ')}, all under load`, async () => {
  await expect(faultRounds(Object.values(FAULTS))).resolves.toBeUndefined()
})
