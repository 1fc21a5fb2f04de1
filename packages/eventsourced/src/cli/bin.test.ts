import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const built = (path: string) => new URL(`../../dist/${path}`, import.meta.url)
const run = promisify(execFile)

/** What it keeps open is never closed by anybody. */
const CONFIG = `
import { MemoryEvtLog, MemoryOffsetStore } from '${built('index.js').href}'
setInterval(() => {}, 1_000)
export const evtLog = new MemoryEvtLog()
export const offsetStore = new MemoryOffsetStore()
`

async function projections(config: string): Promise<{ readonly stdout: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'eventsourced-cli-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  await writeFile(join(cwd, 'eventsourced.config.js'), config)
  await writeFile(join(cwd, 'package.json'), '{ "type": "module" }')
  return run(process.execPath, [fileURLToPath(built('cli/bin.js')), 'projections', 'list'], { cwd, timeout: 10_000 })
}

test('the command line ends when it is done, whatever its configuration keeps open', async () => {
  expect((await projections(CONFIG)).stdout).toMatch(/^name +version/)
})

test('it ends, too, where the configuration fails half-way, and says why', async () => {
  const failing = `${CONFIG}\nthrow new Error('no such bucket')`
  await expect(projections(failing)).rejects.toMatchObject({ code: 1, stderr: 'no such bucket\n' })
})
