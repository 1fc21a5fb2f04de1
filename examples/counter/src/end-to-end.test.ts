import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNatsServer } from 'eventsourced-tools'
import { testNats, testPostgres } from 'eventsourced-tools/vitest'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Child, type Ended, start } from './child.test.fixture.js'

const ENDLESS = {
  APP__COUNTER__ENTITY_COUNT: '20',
  APP__COUNTER__EVT_COUNT: '1000000',
  APP__COUNTER__SNAPSHOT_AFTER: '50',
}
const SMALL = { ...ENDLESS, APP__COUNTER__EVT_COUNT: '30' }
const SMALL_EVTS = 20 * 30

const running: Child[] = []
function startOne(...args: Parameters<typeof start>): Child {
  const child = start(...args)
  running.push(child)
  return child
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'eventsourced-counter-'))
})
afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill('SIGKILL')
    await child.ended
  }
  rmSync(folder, { recursive: true, force: true })
})

/** The environment that leads a program to the servers that the tests share, with nothing in them yet. */
const onSharedServer = {
  'counter-postgres': async () => {
    const { host, port, user, password, database } = await testPostgres()
    return {
      APP__EVT_LOG__HOST: host,
      APP__EVT_LOG__PORT: String(port),
      APP__EVT_LOG__USER: user,
      APP__EVT_LOG__PASSWORD: password,
      APP__EVT_LOG__DBNAME: database,
    }
  },
  'counter-nats': async () => ({
    APP__EVT_LOG__SERVER_ADDR: testNats(),
    APP__EVT_LOG__STREAM: `counter-${randomUUID()}`,
    APP__SNAPSHOT_STORE__BUCKET: `snapshots-${randomUUID()}`,
  }),
}

/** What the report says of the read model after two small runs: each pair of events, of which every counter has had 30, adds 1. */
const READ_MODEL = {
  'counter-postgres':
    /Read model 20 counters, 1,200 events, sum 600, largest 30\n +and it says of each counter what the counter says\n$/,
  'counter-nats': /Total +600 by the distributed counter, 600 by the counters themselves\n$/,
}

/** A number that the report names: "found" in earlier runs, or "stored" in this one. */
function reported({ stdout }: Ended, what: 'found' | 'stored'): number {
  const pattern = what === 'found' ? /with ([0-9,]+) events from earlier runs/ : /Events +([0-9,]+) in/
  return Number(pattern.exec(stdout)?.[1]?.replaceAll(',', ''))
}

/** How many events the last line of progress counts: no more than were acknowledged. */
function lastShown({ stdout }: Ended): number {
  const lines = [...stdout.matchAll(/^([0-9,]+) of [0-9,]+ events/gm)]
  return Number(lines.at(-1)?.[1]?.replaceAll(',', ''))
}

describe.each(['counter-postgres', 'counter-nats'] as const)('%s', (program) => {
  test("runs on a server of the user's, and goes on in the next run", async () => {
    const env = { ...(await onSharedServer[program]()), ...SMALL }
    const first = await startOne(program, env).ended
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('Values     all right, before and after all counters were stopped and recovered')
    expect([reported(first, 'found'), reported(first, 'stored')]).toEqual([0, SMALL_EVTS])

    const second = await startOne(program, env).ended
    expect(second).toMatchObject({ code: 0, stderr: '' })
    expect([reported(second, 'found'), reported(second, 'stored')]).toEqual([SMALL_EVTS, SMALL_EVTS])
    expect(second.stdout).toMatch(READ_MODEL[program])
  })

  test('starts a server of its own, is killed in the middle of a run, and finds all that was acknowledged', async () => {
    const env = { APP__EVT_LOG__DATA_DIR: folder }
    const killed = startOne(program, { ...env, ...ENDLESS })
    await killed.printed(/^[1-9][0-9,]* of 20,000,000 events/m)
    killed.kill('SIGKILL')
    const acknowledged = lastShown(await killed.ended)

    const next = await startOne(program, { ...env, ...SMALL }).ended
    expect(next).toMatchObject({ code: 0, stderr: '' })
    expect(next.stdout).toContain('Values     all right')
    expect(reported(next, 'found')).toBeGreaterThanOrEqual(acknowledged)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends cleanly on %s, losing nothing', async (signal, code) => {
    const env = await onSharedServer[program]()
    const child = startOne(program, { ...env, ...ENDLESS })
    await child.printed(/^[1-9][0-9,]* of 20,000,000 events/m)
    child.kill(signal)
    const stopped = await child.ended
    expect(stopped).toMatchObject({ code, killedBy: null })
    expect(stopped.stderr).toContain('Stopping')
    expect(stopped.stdout).toContain('Values     all right')

    const next = await startOne(program, { ...env, ...SMALL }).ended
    expect(next.code).toBe(0)
    expect(reported(next, 'found')).toBe(reported(stopped, 'stored'))
  })

  test('ends at once on a wrong setting, naming it', async () => {
    const ended = await startOne(program, { APP__COUNTER__EVT_COUNT: 'many' }).ended
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^the variable APP__COUNTER__EVT_COUNT: .* whole number.*\n$/)
  })
})

test('counter-totals tells later what the runs have come to', async () => {
  const env = await onSharedServer['counter-postgres']()
  const before = await startOne('counter-totals', env).ended
  expect(before).toMatchObject({ code: 0, stderr: '' })
  expect(before.stdout).toMatch(/^Read model 0 counters, 0 events/)
  await startOne('counter-postgres', { ...env, ...SMALL }).ended
  const after = await startOne('counter-totals', env).ended
  expect(after).toMatchObject({ code: 0, stderr: '' })
  expect(after.stdout).toBe(
    'Read model 20 counters, 600 events, sum 300, largest 15\n           and has seen all events\n',
  )
})

describe("a server that can't be used is named", () => {
  test('PostgreSQL that is not there', async () => {
    const ended = await startOne('counter-postgres', { APP__EVT_LOG__HOST: '127.0.0.1', APP__EVT_LOG__PORT: '1' }).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^.*ECONNREFUSED 127\.0\.0\.1:1\n$/)
  })

  test('a database that is not there', async () => {
    const env = { ...(await onSharedServer['counter-postgres']()), APP__EVT_LOG__DBNAME: 'nowhere' }
    const ended = await startOne('counter-postgres', env).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^.*database "nowhere" does not exist.*\n$/)
  })

  test('a nats-server that is not there', async () => {
    const ended = await startOne('counter-nats', { APP__EVT_LOG__SERVER_ADDR: '127.0.0.1:1' }).ended
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^.*127\.0\.0\.1:1.*CONNECTION_REFUSED\n$/)
  })

  test('a nats-server without JetStream', async () => {
    const nats = await startNatsServer({ jetstream: false })
    const ended = await startOne('counter-nats', { APP__EVT_LOG__SERVER_ADDR: nats.url }).ended
    await nats.stop()
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^.*JetStream.*\n$/)
  })
})
