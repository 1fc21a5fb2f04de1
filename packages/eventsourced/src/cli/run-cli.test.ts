import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { atLeastOnce } from '../projection/at-least-once.js'
import { Projection, type RunningProjection } from '../projection/projection.js'
import { after, binarizer, newId, type Noted, note, Seen, TYPE } from '../projection/projection.test.fixture.js'
import { evtLog, offsetStore } from './config.test.fixture.js'
import { runCli } from './run-cli.js'

const cwd = dirname(fileURLToPath(import.meta.url))
const running: RunningProjection[] = []
afterEach(async () => {
  for (const projection of running.splice(0)) await projection.stop()
})

async function run(line: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []]
  const args = [...line.split(' ').filter((word) => word !== ''), '--config', 'config.test.fixture.ts']
  const code = await runCli(args, { cwd, out: (text) => void out.push(text), err: (text) => void err.push(text) })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

async function start(name: string, poison: Set<string> = new Set(), version = 1) {
  const seen = new Seen()
  const handler = atLeastOnce<Noted>(offsetStore, (evt) => {
    if (poison.has(evt.key.id)) throw new Error('poison')
    seen.add(evt)
  })
  const options = { name, version, typeName: TYPE, evtLog, binarizer, handler, onError: after(1, 'park') }
  const projection = await Projection.start(options)
  running.push(projection)
  return { projection, seen }
}

test('projections are listed, and one of them described', async () => {
  const { projection } = await start('listed')
  await projection.reached(await note(evtLog, newId(), 2))
  const listed = await run('projections list')
  expect(listed).toMatchObject({ code: 0, err: '' })
  expect(listed.out).toMatch(/^name +version +state +serving +position +lag +lag \(s\)$/m)
  expect(listed.out).toMatch(/^listed +1 +running +yes +\d+ +0 +0\.0$/m)
  const lines = (await run('projections list --json')).out.split('\n').map((line): unknown => JSON.parse(line))
  expect(lines).toContainEqual(expect.objectContaining({ name: 'listed', version: 1 }))
  const { out } = await run('projections status listed')
  expect(out).toMatch(/projection +listed, version 1, of note, serving/)
  expect(out).toMatch(/owners .*\(64 slices\)/)
  const { out: json } = await run('projections status listed --json')
  expect(JSON.parse(json)).toMatchObject({ name: 'listed', state: 'running', lag: { positions: 0 } })
})

test('a projection is paused, resumed, reset and stopped by those who run it', async () => {
  const { projection, seen } = await start('commanded')
  const id = newId()
  await projection.reached(await note(evtLog, id, 2))
  expect(await run('projections pause commanded')).toEqual({ code: 0, out: '', err: '' })
  await expect.poll(async () => (await run('projections status commanded')).out).toMatch(/state +paused/)
  await run('projections resume commanded')
  await projection.reached(await note(evtLog, id))
  await run('projections reset commanded --position 0')
  await expect.poll(() => seen.of(id)).toEqual([1, 2, 3, 1, 2, 3])
  await run('projections stop commanded')
  await expect.poll(async () => (await projection.status()).members).toEqual([])
})

test('parked events are listed, retried and dropped', async () => {
  const [sick, lost] = [newId(), newId()]
  const poison = new Set([sick, lost])
  const { projection, seen } = await start('parking', poison)
  await note(evtLog, sick, 2)
  await note(evtLog, lost, 2)
  await expect.poll(async () => (await run('projections parked list parking')).out.split('\n')).toHaveLength(4)
  expect((await run(`projections parked list parking --id ${sick}`)).out).toMatch(
    new RegExp(`^${sick}  event 1  .*poison\n${sick}  event 2  .*behind it$`),
  )
  expect((await run('projections status parking')).out).toMatch(/^parked +4 events$/m)
  poison.clear()
  await run(`projections parked retry parking --id ${sick}`)
  await run(`projections parked drop parking --id ${lost} --seqNo 1`)
  await run(`projections parked retry parking --id ${lost}`)
  await expect.poll(async () => (await projection.status()).requests).toEqual([])
  expect([seen.of(sick), seen.of(lost)]).toEqual([[1, 2], [2]])
  expect((await run('projections parked list parking')).out).toBe('')
})

test('what a handler says does not steer the terminal', async () => {
  const steering = '\u001b[2J\u009b1m\rall is well\nlisted  1  running'
  const handler = atLeastOnce<Noted>(offsetStore, () => {
    throw new Error(steering)
  })
  const options = { name: 'steering', typeName: TYPE, evtLog, binarizer, handler, onError: after(1, 'stop') }
  const projection = await Projection.start(options)
  running.push(projection)
  await note(evtLog, newId())
  await expect.poll(async () => (await projection.status()).state).toBe('failed')
  const { out } = await run('projections status steering')
  expect(out).toContain(String.raw`\u001b[2J\u009b1m\rall is well\nlisted  1  running`)
  const { err } = await run('projections status no\u001b[2J')
  for (const text of [out, err]) expect(text).not.toMatch(/[^\P{Cc}\n]/u)
})

test('a rebuilt version is promoted, and the old one removed', async () => {
  const { projection } = await start('rebuilt')
  await start('rebuilt', new Set(), 2)
  expect(await run('projections status rebuilt')).toMatchObject({ code: 1, err: expect.stringContaining('1, 2') })
  expect((await run('projections promote rebuilt --version 2')).code).toBe(0)
  expect((await run('projections remove rebuilt --version 1')).err).toContain('no process runs')
  await projection.stop()
  expect((await run('projections remove rebuilt --version 1')).code).toBe(0)
  expect((await run('projections status rebuilt')).out).toMatch(/version 2, .*serving/)
})

test.for([
  'projections fly',
  'projections',
  'entities list',
  'projections status',
  'projections reset totals',
  'projections reset totals --position x',
  'projections parked retry totals',
  'projections parked eat totals',
  'projections status totals more',
  'projections list --wrong',
  'projections list extra words',
  'projections list --version 1',
  'projections pause totals --position 3',
  'projections parked list totals --seqNo 1',
  'projections status totals --with-parked',
])('%j is misused: it says so, and how it is used', async (line) => {
  const { code, err } = await run(line)
  expect(code).toBe(2)
  expect(err).toContain('eventsourced projections <command>')
})

test('help is given, and what can not be done is said in a line', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('parked drop') })
  expect(await run('projections status unknown')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^name is "unknown"/),
  })
  for (const command of ['parked list', 'remove', 'status']) {
    expect(await run(`projections ${command} unknown --version 1`)).toMatchObject({ code: 1, out: '' })
  }
  const missing = await runCli(['projections', 'list'], { cwd, out: () => {}, err: () => {} })
  expect(missing).toBe(1)
})
