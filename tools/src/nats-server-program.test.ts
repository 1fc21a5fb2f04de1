import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { findNatsServer, isAtLeast, MIN_NATS_SERVER_VERSION } from './nats-server-program.js'

function fakeServer(version: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'eventsourced-fake-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'nats-server')
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  chmodSync(path, 0o755)
  return path
}

it('compares versions by number', () => {
  expect(isAtLeast('2.12.14', '2.12.14')).toBe(true)
  expect(isAtLeast('2.12.9', '2.12.14')).toBe(false)
  expect(isAtLeast('2.100.0', '2.12.14')).toBe(true)
  expect(isAtLeast('10.0.0', '2.12.14')).toBe(true)
  expect(isAtLeast('1.99.99', '2.12.14')).toBe(false)
})

it('takes the server that NATS_SERVER_BIN names, old as it may be', async () => {
  const path = fakeServer('2.9.1')
  expect(await findNatsServer({ NATS_SERVER_BIN: path })).toEqual({ path, version: '2.9.1' })
})

it('names the variable when it names no server', async () => {
  await expect(findNatsServer({ NATS_SERVER_BIN: '/nowhere/nats-server' })).rejects.toThrow(/NATS_SERVER_BIN/)
})

it('prefers a server on the PATH that is new enough', async () => {
  const path = fakeServer('99.0.0')
  expect(await findNatsServer({ PATH: dirname(path) })).toEqual({ path, version: '99.0.0' })
})

it('passes over a server on the PATH that is too old', async () => {
  const path = fakeServer('2.12.13')
  const found = await findNatsServer({ PATH: dirname(path) })
  expect(isAtLeast(found.version, MIN_NATS_SERVER_VERSION)).toBe(true)
})
