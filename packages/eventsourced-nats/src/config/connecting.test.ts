import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCode, InvalidInputError, RefusedError, UnavailableError } from 'eventsourced'
import { freePort, type NatsServer, type NatsServerOptions, startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  closing,
  collect,
  failureOf,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  ZERO,
} from '../evt-log.test.fixture.js'
import { NatsEvtLog, type NatsServers, NatsSnapshotStore } from '../index.js'
import { serverThatSaysIts } from './old-server.test.fixture.js'
import { newOperator } from './operator.test.fixture.js'

async function server(options: NatsServerOptions): Promise<NatsServer> {
  const started = await startNatsServer(options)
  onTestFinished(() => started.stop())
  return started
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'eventsourced-nats-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** That a log and a store can be opened and used with a configuration. */
async function expectUsable(config: NatsServers): Promise<void> {
  const log = await openLog({ ...config, stream: newStream(), setup: true })
  const append = newAppend(newKey())
  const { head } = await log.persist(append)
  expect(await log.head(append.key)).toEqual({ ...head, appendId: append.appendId })
  const store = await NatsSnapshotStore.create({ ...config, bucket: newStream(), setup: true })
  onTestFinished(() => store.close())
  const snapshot = { seqNo: 1, appendId: append.appendId, version: 1, bytes: Buffer.from('state') }
  await store.save(append.key, snapshot)
  expect(await store.load(append.key)).toMatchObject({ seqNo: 1 })
}

describe('logging in', () => {
  test('works with user and password, and a wrong password is refused as forbidden', async () => {
    const { url } = await server({ config: 'authorization { user: "ann", password: "pa ss:w@rd" }' })
    await expectUsable({ servers: url, auth: { user: 'ann', password: 'pa ss:w@rd' } })
    for (const auth of [{ user: 'ann', password: 'wrong' }, undefined]) {
      const config = { servers: url, stream: newStream(), ...(auth && { auth }) }
      expect(await failureOf(NatsEvtLog.create(config))).toMatchObject({ code: 'REFUSED', reason: 'forbidden' })
    }
  })

  test('works with a token', async () => {
    const { url } = await server({ config: 'authorization { token: "s3cr3t" }' })
    await expectUsable({ servers: url, auth: { token: 's3cr3t' } })
    const failure = await failureOf(NatsEvtLog.create({ servers: url, auth: { token: 'x' }, stream: newStream() }))
    expect(failure).toMatchObject({ code: 'REFUSED', reason: 'forbidden' })
  })

  test('works with a credentials file, and one of a foreign account is refused as forbidden', async () => {
    const operator = newOperator()
    const { url } = await server({ config: operator.serverConfig })
    const folder = newFolder()
    const credsFile = join(folder, 'user.creds')
    writeFileSync(credsFile, operator.newCreds())
    await expectUsable({ servers: url, auth: { credsFile } })
    writeFileSync(credsFile, newOperator().newCreds())
    const failure = await failureOf(NatsEvtLog.create({ servers: url, auth: { credsFile }, stream: newStream() }))
    expect(failure).toMatchObject({ code: 'REFUSED', reason: 'forbidden' })
  })

  test('a user who may not pull from consumers is refused as forbidden when it reads by type, live or not', async () => {
    const stream = newStream()
    const { url } = await server({
      config: `authorization { users: [
        { user: "writer", password: "w" }
        { user: "reader", password: "r", permissions: { publish: { deny: "$JS.API.CONSUMER.MSG.NEXT.>" } } } ] }`,
    })
    const writer = await openLog({ servers: url, auth: { user: 'writer', password: 'w' }, stream, setup: true })
    await writer.persist(newAppend(newKey()))
    const reader = await openLog({ servers: url, auth: { user: 'reader', password: 'r' }, stream })
    for (const live of [false, true]) {
      const failure = await failureOf(collect(reader.evtsByType('counter', { live })))
      expect(failure).toMatchObject({ code: 'REFUSED', reason: 'forbidden' })
    }
  })

  test('a user who may not publish to the stream is refused as forbidden, and may read', async () => {
    const stream = newStream()
    const { url } = await server({
      config: `authorization { users: [
        { user: "writer", password: "w" }
        { user: "reader", password: "r", permissions: { publish: { deny: "${stream}.>" } } } ] }`,
    })
    const writer = await openLog({ servers: url, auth: { user: 'writer', password: 'w' }, stream, setup: true })
    const reader = await openLog({ servers: url, auth: { user: 'reader', password: 'r' }, stream })
    const key = newKey()
    const { head } = await writer.persist(newAppend(key))
    expect(await reader.head(key)).toMatchObject(head)
    expect(await failureOf(reader.persist(newAppend(key, head)))).toMatchObject({
      code: 'REFUSED',
      reason: 'forbidden',
    })
    expect(await writer.head(key)).toMatchObject(head)
  })
})

test('of appends that share a batch those that are not permitted are refused as forbidden, and the others are stored', async () => {
  const stream = newStream()
  const { url } = await server({
    config: `authorization { users: [
      { user: "all", password: "a" }
      { user: "some", password: "s", permissions: { publish: { deny: "${stream}.secret.>" } } } ] }`,
  })
  const all = await openLog({ servers: url, auth: { user: 'all', password: 'a' }, stream, setup: true })
  const log = await openLog({ servers: url, auth: { user: 'some', password: 's' }, stream })
  const appends = Array.from({ length: 20 }, (_, index) => {
    const group = [newEvt(), newEvt()]
    return newAppend(newKey(index % 10 === 5 ? 'secret' : 'counter'), ZERO, [group])
  })
  const outcomes = await Promise.allSettled(appends.map((append) => log.persist(append)))
  const refused = { status: 'rejected', reason: { code: 'REFUSED', reason: 'forbidden' } }
  for (const [index, { key }] of appends.entries()) {
    const isSecret = key.typeName === 'secret'
    expect(outcomes[index]).toMatchObject(isSecret ? refused : { status: 'fulfilled' })
    expect((await all.head(key)).seqNo).toBe(isSecret ? 0 : 2)
  }
})

test('a user may be let hear answers under a prefix only, which is said by a setting; without it that is refused as forbidden', async () => {
  const { url } = await server({
    config:
      'authorization { users: [ { user: "ann", password: "a", permissions: { subscribe: { allow: "ann.>" } } } ] }',
  })
  const config = { servers: url, auth: { user: 'ann', password: 'a' } }
  const failure = await failureOf(NatsEvtLog.create({ ...config, stream: newStream(), setup: true }))
  expect(failure).toMatchObject({ code: 'REFUSED', reason: 'forbidden' })
  const log = await openLog({ ...config, inboxPrefix: 'ann', stream: newStream(), setup: true })
  const append = newAppend(newKey())
  await log.persist(append)
  expect(await collect(log.evtsByType('counter'))).toHaveLength(1)
})

describe('TLS', () => {
  let certs: { readonly ca: string; readonly caFile: string; readonly config: string; readonly folder: string }
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'eventsourced-nats-tls-'))
    certs = { ...newCertificates(folder), folder }
    return () => rmSync(folder, { recursive: true, force: true })
  })

  test('works with an authority of one’s own, as a file and as text', async () => {
    const { port } = await server({ config: certs.config })
    for (const tls of [{ caFile: certs.caFile }, { ca: certs.ca }]) {
      await expectUsable({ servers: `localhost:${port}`, tls })
    }
  })

  test('an authority that is not trusted is an error, and nothing is sent', async () => {
    const { port } = await server({ config: certs.config })
    const failure = await failureOf(NatsEvtLog.create({ servers: `localhost:${port}`, tls: {}, stream: newStream() }))
    expect(failure).toBeInstanceOf(UnavailableError)
  })
})

describe('a connection handed in', () => {
  test('is used and not closed', async () => {
    const connection = await closing(connect({ servers: testNats() }))
    const log = await openLog({ connection, stream: newStream(), setup: true })
    const store = await NatsSnapshotStore.create({ connection, bucket: newStream(), setup: true })
    await log.persist(newAppend(newKey()))
    await log.close()
    await store.close()
    await connection.flush()
    expect(connection.isClosed()).toBe(false)
  })

  test('can be shared by logs that come and go without leaving anything behind', async () => {
    const connection = await closing(connect({ servers: testNats() }))
    const stream = newStream()
    for (let round = 0; round < 3; round++) {
      const log = await NatsEvtLog.create({ connection, stream, setup: true })
      const key = newKey()
      const { head } = await log.persist(newAppend(key))
      for await (const { position } of log.evtsByType('counter', { live: true })) if (position === head.position) break
      await log.close()
    }
    const { streams } = await connection.jetstreamManager()
    expect((await streams.info(stream)).state.consumer_count).toBe(0)
  })

  test('that its owner closes makes the log unavailable', async () => {
    const connection = await connect({ servers: testNats() })
    const log = await openLog({ connection, stream: newStream(), setup: true, timeout: 500 })
    const reading = failureOf(collect(log.evtsByType('counter', { live: true })))
    await connection.close()
    expect(await failureOf(log.persist(newAppend(newKey())))).toBeInstanceOf(UnavailableError)
    expect(await failureOf(log.head(newKey()))).toBeInstanceOf(UnavailableError)
    expect(await reading).toBeInstanceOf(UnavailableError)
  })
})

describe('what is missing is named', () => {
  test('no server', async () => {
    const servers = `127.0.0.1:${await freePort()}`
    const failure = await failureOf(NatsEvtLog.create({ servers, stream: newStream() }))
    expect(failure).toBeInstanceOf(UnavailableError)
    expect(String(failure)).toContain(servers)
  })

  test('what a server that is too old lacks', async () => {
    const servers = await serverThatSaysIts('2.10.27')
    for (const create of [
      () => NatsEvtLog.create({ servers, stream: newStream(), setup: true }),
      () => NatsSnapshotStore.create({ servers, bucket: newStream(), setup: true }),
    ]) {
      const failure = await failureOf(create())
      expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'servers' })
      expect(String(failure)).toMatch(/2\.10\.27.*2\.12\.14 or later.*batched direct gets, atomic batches/)
    }
  })

  test('JetStream', async () => {
    const { url, version } = await server({ jetstream: false })
    for (const create of [
      () => NatsEvtLog.create({ servers: url, stream: newStream(), setup: true }),
      () => NatsSnapshotStore.create({ servers: url, bucket: newStream(), setup: true }),
    ]) {
      const failure = await failureOf(create())
      expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'servers' })
      expect(String(failure)).toContain('JetStream')
      expect(String(failure)).toContain(version)
    }
  })

  test('the stream, the bucket', async () => {
    const servers = testNats()
    const name = newStream()
    expect(await failureOf(NatsEvtLog.create({ servers, stream: name }))).toMatchObject({ field: 'stream' })
    expect(await failureOf(NatsSnapshotStore.create({ servers, bucket: name }))).toMatchObject({ field: 'bucket' })
  })
})

describe('a setting that is wrong is named', () => {
  const servers = 'localhost:4222'
  test.for<[field: string, settings: object]>([
    ['stream', { servers }],
    ['stream', { servers, stream: 'with.dot' }],
    ['stream', { servers, stream: '_INBOX' }],
    ['stream', { servers, stream: 'x'.repeat(65) }],
    ['servers', { stream: 'events' }],
    ['servers', { servers: [], stream: 'events' }],
    ['servers', { servers: 'http://localhost', stream: 'events' }],
    ['servers[1]', { servers: ['localhost', 'local host'], stream: 'events' }],
    ['servers', { servers, connection: {}, stream: 'events' }],
    ['connection', { connection: 'nats', stream: 'events' }],
    ['auth', { servers, auth: 'ann', stream: 'events' }],
    ['auth.password', { servers, auth: { user: 'ann' }, stream: 'events' }],
    ['auth.pass', { servers, auth: { user: 'ann', password: 'x', pass: 'x' }, stream: 'events' }],
    ['auth.token', { servers, auth: { token: 7 }, stream: 'events' }],
    ['auth.credsFile', { servers, auth: { credsFile: join(tmpdir(), 'there-is-no-such-file') }, stream: 'events' }],
    ['tls.caFile', { servers, tls: { caFile: join(tmpdir(), 'there-is-no-such-file') }, stream: 'events' }],
    ['tls.keyFile', { servers, tls: { cert: 'x' }, stream: 'events' }],
    ['tls.insecure', { servers, tls: { insecure: true }, stream: 'events' }],
    ['setup', { servers, stream: 'events', setup: 'yes' }],
    ['replicas', { servers, stream: 'events', replicas: 0 }],
    ['maxBytes', { servers, stream: 'events', maxBytes: 1.5 }],
    ['durability', { servers, stream: 'events', durability: 'none' }],
    ['timeout', { servers, stream: 'events', timeout: -1 }],
    ['replyTimeout', { servers, stream: 'events', replyTimeout: '5s' }],
    ['maxInFlightBytes', { servers, stream: 'events', maxInFlightBytes: 0 }],
    ['batching', { servers, stream: 'events', batching: 'sometimes' }],
    ['inboxPrefix', { servers, stream: 'events', inboxPrefix: 'a.*' }],
    ['sream', { servers, sream: 'events' }],
  ])('%s', async ([field, settings]) => {
    // @ts-expect-error settings as they may come from outside of TypeScript
    const failure = await failureOf(NatsEvtLog.create(settings))
    expect(failure).toBeInstanceOf(InvalidInputError)
    expect(failure).toMatchObject({ field })
  })

  test.for<[field: string, settings: object]>([
    ['bucket', { servers }],
    ['bucket', { servers, bucket: 'with.dot' }],
    ['stream', { servers, bucket: 'snapshots', stream: 'events' }],
  ])('%s', async ([field, settings]) => {
    // @ts-expect-error settings as they may come from outside of TypeScript
    const failure = await failureOf(NatsSnapshotStore.create(settings))
    expect(failure).toMatchObject({ code: 'INVALID_INPUT', field })
  })

  test('a file that holds no credentials', async () => {
    const credsFile = join(newFolder(), 'user.creds')
    writeFileSync(credsFile, 'nothing of the kind')
    const failure = await failureOf(NatsEvtLog.create({ servers, auth: { credsFile }, stream: 'events' }))
    expect(failure).toMatchObject({ code: 'INVALID_INPUT', field: 'auth.credsFile' })
  })
})

test('a closed store and log say so', async () => {
  const log = await NatsEvtLog.create({ servers: testNats(), stream: newStream(), setup: true })
  await log.close()
  const failure = await failureOf(log.headPosition())
  expect(failure).toBeInstanceOf(RefusedError)
  expect(hasCode(failure, 'REFUSED')).toBe(true)
})

/** An authority, and a certificate for localhost that it has signed. */
function newCertificates(folder: string): { readonly ca: string; readonly caFile: string; readonly config: string } {
  const path = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test authority')
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
  writeFileSync(path('san.txt'), 'subjectAltName=DNS:localhost')
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san.txt']
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signing)
  return {
    caFile: path('ca.pem'),
    ca: execFileSync('openssl', ['x509', '-in', path('ca.pem')]).toString(),
    config: `tls { cert_file: ${JSON.stringify(path('server.pem'))}, key_file: ${JSON.stringify(path('server.key'))} }`,
  }
}
