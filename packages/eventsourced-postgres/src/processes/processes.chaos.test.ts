import { startPostgres } from 'eventsourced-tools'
import { expect, onTestFinished, test } from 'vitest'
import { projectingRounds } from './rounds.test.helper.js'

const { CHAOS_ROUNDS = '1', CHAOS_SEED = '1' } = process.env
const count = Number(CHAOS_ROUNDS) * 4

test(`${count} times something happens to processes that project, by the dice of ${CHAOS_SEED}: each event is applied once`, async () => {
  const server = await startPostgres()
  onTestFinished(() => server.stop())
  await expect(projectingRounds(server, { seed: Number(CHAOS_SEED), count })).resolves.toBeUndefined()
})
