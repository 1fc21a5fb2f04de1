import { startPostgres } from 'eventsourced-tools'
import { seedOfRun } from 'eventsourced-tools/properties'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { newAppend, newKey } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'
import { createReadModel, expectExactlyOnce } from './read-model.test.helper.js'
import { projectingRounds } from './rounds.test.helper.js'
import { projectingWorld } from './world.test.helper.js'

const LEASE_TTL_MS = 2_000
const SLICES = 64
/** How many slices an owner hands over at once. */
const AT_ONCE = 8
/** Processes take their time to start where many do. */
const PATIENT = { timeout: 60_000 }
const seed = seedOfRun()

/** What would be wrong with a read model, and how it comes to be so. */
const TAMPERED: Readonly<Record<string, string>> = {
  'not applied': 'DELETE FROM applied WHERE nth = 1',
  'not in the log':
    "INSERT INTO applied (id, seq_no, position, slice, epoch, owner) VALUES (gen_random_uuid(), 1, 999, 2, 1, 'one')",
  'applied more than once':
    'INSERT INTO applied (id, seq_no, position, slice, epoch, owner) SELECT id, seq_no, position, slice, epoch, owner FROM applied WHERE nth = 3',
  'out of the order of their slice': 'UPDATE applied SET nth = 9 WHERE nth = 2',
  'two owners in one epoch': "UPDATE applied SET owner = 'another' WHERE nth = 2",
  'back to an earlier epoch': 'UPDATE applied SET epoch = 2 WHERE nth = 2',
  'not those of the events': 'UPDATE totals SET count = 4',
}

/** Many more: `npm run test:chaos -- --rounds 50 processes`. */
test.concurrent(
  `processes that come, stop, die and are paused, and a server that restarts: each event is applied once (seed ${seed})`,
  PATIENT,
  async ({ expect, onTestFinished }) => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    await expect(projectingRounds(server, { seed, count: 4 })).resolves.toBeUndefined()
  },
)

test.concurrent(
  'slices are taken over at once from a process that stops, after their lease from one that dies, and never more than must',
  PATIENT,
  async ({ expect, onTestFinished }) => {
    const world = await projectingWorld(await testPostgres(), LEASE_TTL_MS)
    onTestFinished(() => world.end())
    const first = await world.start()
    expect(await world.settled()).toBeLessThan(LEASE_TTL_MS)
    const alone = await world.owners()
    expect(alone.changes).toBe(SLICES)

    const second = await world.start()
    await expect.poll(async () => (await world.owners()).changes, { timeout: 20_000 }).toBe(SLICES + SLICES / 2)
    await world.settled()

    await world.stop(first)
    expect(await world.settled(), 'at once').toBeLessThan(LEASE_TTL_MS / 2)
    expect((await world.owners()).changes).toBe(SLICES * 2)

    const third = await world.start()
    let mostFree = 0
    await expect
      .poll(
        async () => {
          const { free, changes } = await world.owners()
          mostFree = Math.max(mostFree, free)
          return changes
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBe(SLICES * 2 + SLICES / 2)
    expect(mostFree).toBeLessThanOrEqual(AT_ONCE)
    await world.appliesMore(100)

    await world.kill(second)
    expect(await world.settled(), 'when the lease has ended').toBeLessThan(LEASE_TTL_MS + 2_000)
    expect((await world.owners()).changes).toBe(SLICES * 3)
    expect(world.processes).toEqual([third])
    await world.finish()
  },
)

test('a read model that holds an event twice, or not at all, or by two owners, is found out', async () => {
  const connection = await testPostgres()
  const admin = new Client(connection)
  await admin.connect()
  onTestFinished(() => admin.end())
  const evtLog = await PostgresEvtLog.create({ connection, setup: true })
  for (let time = 0; time < 3; time++) await evtLog.persist(newAppend(newKey()))
  await evtLog.close()
  await createReadModel(admin)
  await admin.query(`
    INSERT INTO applied (id, seq_no, position, slice, epoch, owner)
    SELECT id, seq_no, position, 1, 1, 'one' FROM eventsourced.events ORDER BY position;
    INSERT INTO totals VALUES (1, 3)`)
  await expect(expectExactlyOnce(admin)).resolves.toBeUndefined()
  for (const [what, tamper] of Object.entries(TAMPERED)) {
    await admin.query('BEGIN')
    await admin.query(tamper)
    await expect(expectExactlyOnce(admin)).rejects.toThrow(what)
    await admin.query('ROLLBACK')
  }
})
