import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connect } from 'nats'
import { Client } from 'pg'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { keepServer } from './kept-server.js'
import { startNatsServer } from './nats-server.js'
import { startPostgres } from './postgres.js'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })))

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'eventsourced-lifetimes-'))
  folders.push(folder)
  return join(folder, 'data')
}

/** Starts the program of parent.fixture.ts as a terminal would: in a process group of its own. */
async function startParent(kind: 'nats' | 'postgres', folder: string) {
  const program = fileURLToPath(new URL('../dist/parent.fixture.js', import.meta.url)) // built: Node 20 runs no TypeScript
  const parent = spawn(process.execPath, [program, kind, folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]()
  const readLine = async () => String((await lines.next()).value)
  const [port, pid] = (await readLine()).split(' ').map(Number)
  if (parent.pid === undefined || port === undefined || pid === undefined) throw new Error('The parent did not start')
  return { parent, group: -parent.pid, readLine, port, pid }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function canQuery(port: number): Promise<boolean> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await client.connect()
  const { rowCount } = await client.query('SELECT 1')
  await client.end()
  return rowCount === 1
}

async function canFlush(port: number): Promise<boolean> {
  const connection = await connect({ servers: `127.0.0.1:${port}` })
  await connection.flush()
  await connection.close()
  return true
}

describe.each([
  { kind: 'postgres', start: (dataDir: string) => startPostgres({ dataDir }), works: canQuery },
  { kind: 'nats', start: (storeDir: string) => startNatsServer({ storeDir }), works: canFlush },
] as const)('A server of $kind', ({ kind, start, works }) => {
  it('is stopped when its parent is killed with -9', async () => {
    const { parent, pid } = await startParent(kind, newFolder())
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await vi.waitUntil(() => !isAlive(pid), { timeout: 20_000 })
  })

  it('starts on the data of a parent that was killed with -9 a moment ago', async () => {
    const folder = newFolder()
    const { parent, pid } = await startParent(kind, folder)
    parent.kill('SIGKILL')
    const server = await start(folder)
    expect(isAlive(pid)).toBe(false)
    expect(await works(server.port)).toBe(true)
    await server.stop()
  })

  it('goes on when Ctrl-C reaches the process group of its parent', async () => {
    const { group, readLine, port, pid } = await startParent(kind, newFolder())
    process.kill(group, 'SIGINT')
    expect(await readLine()).toBe('interrupted')
    expect(await works(port)).toBe(true)
    expect(isAlive(pid)).toBe(true)
  })

  it('refuses data that another program is using, and leaves that one alone', async () => {
    const folder = newFolder()
    const { port } = await startParent(kind, folder)
    await expect(start(folder)).rejects.toThrow(/in use by another run/)
    expect(await works(port)).toBe(true)
  })

  it('starts again on its data and port after it was killed', async () => {
    const server = await start(newFolder())
    const { pid, port } = server
    await server.kill()
    expect(isAlive(pid)).toBe(false)
    await server.start()
    expect(server.pid).not.toBe(pid)
    expect(await works(port)).toBe(true)
    await server.stop()
    expect(isAlive(server.pid)).toBe(false)
  })

  it('starts again also when somebody else has ended it', async () => {
    const server = await start(newFolder())
    const { pid } = server
    process.kill(pid, 'SIGQUIT')
    await vi.waitUntil(() => !isAlive(pid), { timeout: 20_000 })
    await server.start()
    expect(await works(server.port)).toBe(true)
    await server.kill('SIGINT')
    await server.stop()
  })

  it('may be stopped twice, and after it was killed', async () => {
    const server = await start(newFolder())
    await Promise.all([server.kill(), server.kill()])
    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    expect(isAlive(server.pid)).toBe(false)
  })
})

it('Tells why a program could not be launched, and leaves nothing behind', async () => {
  const folder = newFolder()
  const spec = {
    folder,
    temporary: true,
    command: ['/nowhere/server'],
    readyText: 'ready',
    stopSignal: 'SIGTERM',
  } as const
  await expect(keepServer(spec)).rejects.toThrow(/ENOENT/)
  const init = { creates: 'data', command: ['/nowhere/init'] }
  await expect(keepServer({ ...spec, init })).rejects.toThrow(/ENOENT/)
  expect(existsSync(folder)).toBe(false)
})

it('Temporary data is gone once the server has stopped, and not before', async () => {
  const [postgres, nats] = await Promise.all([startPostgres(), startNatsServer()])
  await Promise.all([postgres.kill(), nats.kill()])
  expect([postgres.dataDir, nats.storeDir].map(existsSync)).toEqual([true, true])
  await Promise.all([postgres.stop(), nats.stop()])
  expect([postgres.dataDir, nats.storeDir].map(existsSync)).toEqual([false, false])
})
