import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const BUILT = new URL('../../dist/index.js', import.meta.url)
const PACKAGE = new URL('../../package.json', import.meta.url)
const run = promisify(execFile)

/** What it keeps open is never closed by anybody. */
const CONFIG = `
import { MemoryEvtLog, MemoryOffsetStore } from '${BUILT.href}'
setInterval(() => {}, 1_000)
export const evtLog = new MemoryEvtLog()
export const offsetStore = new MemoryOffsetStore()
`

/** Where the package says that a program is. */
async function programOf(name: string): Promise<string> {
  const { bin }: { bin?: Readonly<Record<string, string>> } = JSON.parse(await readFile(PACKAGE, 'utf8'))
  return bin?.[name] ?? ''
}

async function projections(config: string): Promise<{ readonly stdout: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'eventsourced-cli-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  await writeFile(join(cwd, 'eventsourced.config.js'), config)
  await writeFile(join(cwd, 'package.json'), '{ "type": "module" }')
  return run(fileURLToPath(new URL(await programOf('eventsourced'), PACKAGE)), ['projections', 'list'], {
    cwd,
    timeout: 10_000,
  })
}

test('the command line ends when it is done, whatever its configuration keeps open', async () => {
  expect((await projections(CONFIG)).stdout).toMatch(/^name +version/)
})

test('the program is there before anything is built, when npm links it', async () => {
  expect(await programOf('eventsourced')).not.toContain('dist')
})

test('it ends, too, where the configuration fails half-way, and says why', async () => {
  const failing = `${CONFIG}\nthrow new Error('no such bucket')`
  await expect(projections(failing)).rejects.toMatchObject({ code: 1, stderr: 'no such bucket\n' })
})
