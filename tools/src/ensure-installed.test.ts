import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

let root: string
/** What the npm that stands in for the real one was called with. */
const calls = () => (existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8') : '')

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'eventsourced-installed-'))
  for (const folder of ['tools', 'node_modules/a', 'node_modules/b']) mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(
    fileURLToPath(new URL('../ensure-installed.js', import.meta.url)),
    join(root, 'tools', 'ensure-installed.js'),
  )
  write('package.json', { type: 'module' })
  write('package-lock.json', { packages: { '': {}, 'packages/a': {}, ...WANTED } })
  write('node_modules/.package-lock.json', { packages: INSTALLED })
  writeFileSync(
    join(root, 'npm-cli.js'),
    `import { appendFileSync } from 'node:fs'
     appendFileSync('calls', process.argv.slice(2).join(' '))
     process.exit(Number(process.env.NPM_EXIT ?? 0))`,
  )
})
afterEach(() => rmSync(root, { recursive: true }))

const WANTED = {
  'node_modules/a': { resolved: 'packages/a', link: true },
  'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' },
  'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-o', optional: true },
}
const INSTALLED = { 'node_modules/a': WANTED['node_modules/a'], 'node_modules/b': WANTED['node_modules/b'] }

function write(name: string, content: unknown): void {
  writeFileSync(join(root, name), JSON.stringify(content))
}

function ensure(env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [join(root, 'tools', 'ensure-installed.js')], {
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: join(root, 'npm-cli.js'), ...env },
  })
}

it('does nothing when everything is installed, but for what is of another platform', () => {
  expect(ensure()).toMatchObject({ status: 0, stdout: '', stderr: '' })
  expect(calls()).toBe('')
})

it.each<[string, () => void]>([
  ['there is no node_modules', () => rmSync(join(root, 'node_modules'), { recursive: true })],
  ['an installation was interrupted', () => rmSync(join(root, 'node_modules', '.package-lock.json'))],
  ["npm's list is damaged", () => writeFileSync(join(root, 'node_modules', '.package-lock.json'), '{ "pack')],
  ['a package is missing', () => rmSync(join(root, 'node_modules', 'b'), { recursive: true })],
  [
    'the lock asks for a new package',
    () => write('package-lock.json', { packages: { ...WANTED, 'node_modules/c': {} } }),
  ],
  [
    'the lock asks for another version',
    () => write('package-lock.json', { packages: { ...WANTED, 'node_modules/b': { version: '1.0.1' } } }),
  ],
  [
    'the lock asks for other content of the same version',
    () => write('package-lock.json', { packages: { 'node_modules/b': { version: '1.0.0', integrity: 'sha512-x' } } }),
  ],
])('installs when %s', (_, damage) => {
  damage()
  expect(ensure().status).toBe(0)
  expect(calls()).toMatch(/^ci /)
})

it('fails when npm fails', () => {
  rmSync(join(root, 'node_modules'), { recursive: true })
  const { status, stderr } = ensure({ NPM_EXIT: '7' })
  expect(status).toBe(1)
  expect(stderr).toMatch(/npm ci failed/)
})

it('names the Node that is needed when this one is too old', () => {
  const old = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '20.18.3' })`
  const { status, stderr } = ensure({ NODE_OPTIONS: `--import=${encodeURI(old).replaceAll(' ', '%20')}` })
  expect(status).toBe(1)
  expect(stderr).toMatch(/Node 20\.18\.3 is too old: please install Node 20\.19 or later/)
})
