import { expect, test } from 'vitest'
import { killRounds } from './kill-rounds.test.helper.js'

/** Many more of each: `npm run test:chaos -- --rounds 50 nats/src/faults`. */
test('what was acknowledged is there, once and in order, after server and client were killed with -9 under load', async () => {
  await expect(killRounds(['server', 'client', 'server', 'client'])).resolves.toBeUndefined()
})
