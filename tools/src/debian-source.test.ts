import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { debianSource } from './debian-source.js'

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_CODENAME=bookworm\nID=debian\n'

/** A folder like /etc with these files. */
function etc(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'eventsourced-etc-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

it("takes the stanza of the machine's own release and changes its suites only", () => {
  const folder = etc({
    'os-release': DEBIAN,
    'apt/sources.list.d/a.sources': 'Types: deb\nURIs: http://other.test/\nSuites: stable-tools\nComponents: main\n',
    'apt/sources.list.d/debian.sources':
      'Types: deb\nURIs: http://security.test/\nSuites: bookworm-security\nComponents: main\n\n' +
      'Types: deb\n# a comment\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\n' +
      'Components: main\nSigned-By: /keys/debian.gpg\n',
  })
  expect(debianSource(folder, 'forky')).toEqual({
    file: 'nats.sources',
    content:
      'Types: deb\n# a comment\nURIs: http://mirror.test/debian\nSuites: forky\n' +
      'Components: main\nSigned-By: /keys/debian.gpg\n',
  })
})

it('reads one-line sources with their options too', () => {
  const folder = etc({
    'os-release': DEBIAN,
    'apt/sources.list':
      '# deb http://off.test/debian bookworm main\ndeb-src http://mirror.test/debian bookworm main\n' +
      'deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.test/debian bookworm main contrib\n',
  })
  expect(debianSource(folder, 'forky')).toEqual({
    file: 'nats.list',
    content: 'deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.test/debian forky main contrib\n',
  })
})

it('passes over sources that are switched off', () => {
  const off = 'Enabled: no\nTypes: deb\nURIs: http://off.test/\nSuites: bookworm\nComponents: main\n'
  expect(debianSource(etc({ 'os-release': DEBIAN, 'apt/sources.list.d/off.sources': off }), 'forky')).toBeUndefined()
})

it('finds nothing on another system', () => {
  const sources = 'Types: deb\nURIs: http://mirror.test/\nSuites: stable\nComponents: main\n'
  const ubuntu = { 'os-release': 'ID=ubuntu\nVERSION_CODENAME=noble\n', 'apt/sources.list.d/a.sources': sources }
  expect(debianSource(etc(ubuntu), 'forky')).toBeUndefined()
  expect(debianSource(etc({}), 'forky')).toBeUndefined()
})
