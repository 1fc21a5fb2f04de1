import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findNatsServer } from 'eventsourced-tools'
import { expect, test } from 'vitest'

test('nats-server takes the configuration that docs/operations.md recommends', async () => {
  const markdown = await readFile(new URL('operations.md', import.meta.url), 'utf8')
  const [, config = ''] = /### Recommended server configuration\n\n((?: {4}.*\n)+)/.exec(markdown) ?? []
  expect(config).toContain('sync_interval: always')
  const folder = await mkdtemp(join(tmpdir(), 'eventsourced-nats-config-'))
  try {
    const file = join(folder, 'nats-server.conf')
    await writeFile(file, config.replace('/var/lib/nats', folder))
    const { path } = await findNatsServer()
    const { stderr } = await promisify(execFile)(path, ['-c', file, '-t'])
    expect(stderr).toContain('configuration file')
    expect(stderr).toContain('is valid')
  } finally {
    await rm(folder, { recursive: true })
  }
})
