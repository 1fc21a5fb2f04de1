import type { Append } from 'eventsourced'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newAppend, newEvt, newKey, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

let admin: Client
let log: PostgresEvtLog

beforeEach(async () => {
  const connection = await testPostgres()
  admin = new Client(connection)
  await admin.connect()
  log = await PostgresEvtLog.create({ connection, setup: true, appendTimeoutMs: 60_000 })
})

afterEach(async () => {
  await log.close()
  await admin.end()
})

function withEmail(email: string): Append {
  return newAppend(newKey(), ZERO, newEvt({ metadata: { email } }))
}

test('an append that breaks a unique index of the users’ is refused at once, and alone', async () => {
  await admin.query("CREATE UNIQUE INDEX ON eventsourced.events ((metadata ->> 'email'))")
  await log.persist(withEmail('a'))
  const refused = { status: 'rejected', reason: { code: 'REFUSED', reason: 'bad-input' } }
  expect(await Promise.allSettled([log.persist(withEmail('a'))])).toMatchObject([refused])
  const emails = ['b', 'a', 'c']
  expect(await Promise.allSettled(emails.map((email) => log.persist(withEmail(email))))).toMatchObject([
    { status: 'fulfilled' },
    refused,
    { status: 'fulfilled' },
  ])
})

test('an append that a trigger of the users’ silently keeps back is refused, not answered as stored', async () => {
  await admin.query(`
    CREATE FUNCTION keep_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER keep_back BEFORE INSERT ON eventsourced.events FOR EACH ROW WHEN (NEW.type = 'Gone') EXECUTE FUNCTION keep_back()`)
  const gone = newEvt({ type: 'Gone' })
  for (const groups of [[[gone]], [[gone], [gone]], [[newEvt(), gone]]]) {
    const append = { ...newAppend(newKey()), groups }
    await expect(log.persist(append)).rejects.toMatchObject({ code: 'REFUSED', reason: 'bad-input' })
    expect(await log.head(append.key)).toMatchObject(ZERO)
  }
})
