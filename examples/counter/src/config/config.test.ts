import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readLogLevel, readNatsConfig, readPostgresConfig } from './config.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'eventsourced-config-'))
  write('counter.yaml', 'counter: { entityCount: 1, evtCount: 2, snapshotAfter: 3 }')
  write('postgres.yaml', 'evtLog: { dataDir: data }')
  write('nats.yaml', 'evtLog: { dataDir: data, stream: events }\nsnapshotStore: { bucket: snapshots }')
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function write(file: string, yaml: string): void {
  writeFileSync(join(folder, file), yaml)
}

const postgres = (env: NodeJS.ProcessEnv = {}) => readPostgresConfig({ CONFIG_DIR: folder, ...env })
const nats = (env: NodeJS.ProcessEnv = {}) => readNatsConfig({ CONFIG_DIR: folder, ...env })

describe('the defaults', () => {
  test('start servers of their own', () => {
    expect(readPostgresConfig({}).evtLog).toEqual({ dataDir: '.data/postgres' })
    expect(readPostgresConfig({}).snapshotStore).toEqual({})
    expect(readNatsConfig({}).evtLog).toEqual({ dataDir: '.data/nats', stream: 'counter' })
    expect(readNatsConfig({}).snapshotStore).toEqual({ bucket: 'counter-snapshots' })
  })
})

describe('the environment', () => {
  test('sets every value by APP__SECTION__KEY, over those of the files', () => {
    const env = {
      APP__COUNTER__EVT_COUNT: '42',
      APP__EVT_LOG__HOST: 'db',
      APP__EVT_LOG__PORT: '5433',
      APP__EVT_LOG__USER: 'ada',
      APP__EVT_LOG__PASSWORD: '1234',
      APP__EVT_LOG__DBNAME: 'events',
      APP__SNAPSHOT_STORE__HOST: 'other',
    }
    expect(postgres(env)).toEqual({
      counter: { entityCount: 1, evtCount: 42, snapshotAfter: 3 },
      evtLog: { dataDir: 'data', host: 'db', port: 5433, user: 'ada', password: '1234', dbname: 'events' },
      snapshotStore: { host: 'other' },
    })
    expect(nats({ APP__EVT_LOG__SERVER_ADDR: 'localhost:4222' }).evtLog.serverAddr).toBe('localhost:4222')
  })

  test('leaves other variables alone', () => {
    expect(postgres({ APPLE: '1', APP_COUNTER: '1', HOME: '/root' }).counter.evtCount).toBe(2)
  })
})

describe('a file', () => {
  test('may leave a section empty, or out', () => {
    write('postgres.yaml', 'evtLog: { dataDir: data }\nsnapshotStore:\n  # host: localhost\n')
    expect(postgres().snapshotStore).toEqual({})
  })

  test.each<[string, string, string, RegExp]>([
    [
      'an unknown key',
      'counter.yaml',
      'counter: { entityCount: 1, evtCuont: 2 }',
      /counter\.yaml: counter\.evtCuont is no setting/,
    ],
    [
      'an unknown section',
      'postgres.yaml',
      'evtLog: { dataDir: data }\nevtlog: {}',
      /postgres\.yaml: evtlog is no setting/,
    ],
    [
      'text for a number',
      'counter.yaml',
      'counter: { evtCount: many }',
      /counter\.yaml: counter\.evtCount is "many": expected a whole number/,
    ],
    [
      'a fraction',
      'counter.yaml',
      'counter: { evtCount: 1.5 }',
      /counter\.evtCount is 1\.5: expected a whole number from 1/,
    ],
    [
      'zero',
      'counter.yaml',
      'counter: { entityCount: 0 }',
      /counter\.entityCount is 0: expected a whole number from 1/,
    ],
    ['a negative number', 'counter.yaml', 'counter: { snapshotAfter: -1 }', /counter\.snapshotAfter is -1/],
    ['nothing', 'counter.yaml', 'counter: { snapshotAfter: }', /counter\.snapshotAfter is null/],
    [
      'a number for text',
      'postgres.yaml',
      'evtLog: { dataDir: data, host: 5 }',
      /postgres\.yaml: evtLog\.host is 5: expected a text/,
    ],
    [
      'a password that is no text, without showing it',
      'postgres.yaml',
      'evtLog: { dataDir: d, host: h, password: 1234 }',
      /evtLog\.password is a number: expected a text$/,
    ],
    [
      'an empty text',
      'postgres.yaml',
      "evtLog: { dataDir: '' }",
      /evtLog\.dataDir is "": expected a text that is not empty/,
    ],
    [
      'a port out of range',
      'postgres.yaml',
      'evtLog: { dataDir: data, host: h, port: 65536 }',
      /evtLog\.port is 65536: expected a whole number from 1 to 65535/,
    ],
    ['a list for a section', 'postgres.yaml', 'evtLog: [1]', /postgres\.yaml: evtLog is no section/],
    ['a list for all', 'postgres.yaml', '[1]', /postgres\.yaml: expected sections/],
    ['no YAML', 'postgres.yaml', 'evtLog: {', /postgres\.yaml can't be read: .*line 1/s],
    ['a key twice', 'postgres.yaml', 'evtLog: { dataDir: a, dataDir: b }', /postgres\.yaml can't be read: .*unique/s],
    [
      'a server without a host',
      'postgres.yaml',
      'evtLog: { dataDir: data, port: 5 }',
      /postgres\.yaml: evtLog\.port is of no use without evtLog\.host/,
    ],
  ])('with %s is refused by name', (_what, file, yaml, message) => {
    write(file, yaml)
    expect(() => postgres()).toThrow(message)
  })

  test('that lacks a value is told how to set it', () => {
    write('counter.yaml', 'counter: { entityCount: 1, snapshotAfter: 3 }')
    expect(() => postgres()).toThrow(
      'counter.evtCount is missing: set it in a file of the configuration, or by APP__COUNTER__EVT_COUNT',
    )
  })

  test('that is missing is named', () => {
    rmSync(join(folder, 'postgres.yaml'))
    expect(() => postgres()).toThrow(join(folder, 'postgres.yaml'))
  })

  test('with several mistakes tells of all', () => {
    write('counter.yaml', 'counter: { entityCount: 0, evtCount: 0, snapshotAfter: 1 }')
    expect(() => postgres()).toThrow(/entityCount is 0.*\n.*evtCount is 0/)
  })
})

describe('a variable', () => {
  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    [
      'an unknown key',
      { APP__COUNTER__EVENTS: '5' },
      /the variable APP__COUNTER__EVENTS: counter\.events is no setting/,
    ],
    ['an unknown section', { APP__COUNTERS__EVT_COUNT: '5' }, /counters is no setting/],
    [
      'text for a number',
      { APP__COUNTER__EVT_COUNT: 'many' },
      /the variable APP__COUNTER__EVT_COUNT: counter\.evtCount is "many"/,
    ],
    ['a number in another notation', { APP__COUNTER__EVT_COUNT: '1e3' }, /counter\.evtCount is "1e3"/],
    ['an empty value', { APP__EVT_LOG__HOST: '' }, /the variable APP__EVT_LOG__HOST: evtLog\.host is ""/],
    ['no key', { APP__COUNTER: '5' }, /the variable APP__COUNTER names no setting/],
    ['lower case', { APP__COUNTER__evtCount: '5' }, /the variable APP__COUNTER__evtCount names no setting/],
    [
      'a password but no host',
      { APP__SNAPSHOT_STORE__PASSWORD: 'x' },
      /the variable APP__SNAPSHOT_STORE__PASSWORD: .* without snapshotStore\.host/,
    ],
    [
      'a setting of the other program',
      { APP__EVT_LOG__SERVER_ADDR: 'x' },
      /evtLog\.serverAddr is no setting of this program/,
    ],
  ])('with %s is refused by name', (_what, env, message) => {
    expect(() => postgres(env)).toThrow(message)
  })

  test('of a log-in without an address is refused', () => {
    expect(() => nats({ APP__EVT_LOG__TOKEN: 'secret' })).toThrow('evtLog.token is of no use without evtLog.serverAddr')
  })
})

test('LOG_LEVEL is one of the levels of pino', () => {
  expect(readLogLevel({})).toBe('error')
  expect(readLogLevel({ LOG_LEVEL: 'debug' })).toBe('debug')
  expect(() => readLogLevel({ LOG_LEVEL: 'loud' })).toThrow('the variable LOG_LEVEL is "loud"')
})
