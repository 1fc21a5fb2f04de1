import type { PersistedEvt } from 'eventsourced'
import { startNatsServer } from 'eventsourced-tools'
import { expect, onTestFinished, test } from 'vitest'
import { newAppend, newEvt, newKey, newStream, openLog, textOf, texts, ZERO } from '../evt-log.test.fixture.js'

test('when the server is killed and comes back acknowledged events are there, and appends and live reads go on', async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const log = await openLog({
    servers: server.url,
    stream: newStream(),
    setup: true,
    replyTimeout: 500,
    timeout: 20_000,
  })
  const keys = Array.from({ length: 20 }, () => newKey())
  const [first = newKey()] = keys
  const sent = new Map<string, string[]>(keys.map(({ id }) => [id, []]))
  const byType: PersistedEvt[] = []
  const byId: PersistedEvt[] = []
  const stop = new AbortController()
  const { signal } = stop
  const reads = [
    follow(log.evtsByType('counter', { live: true, signal }), byType),
    follow(log.evtsById(first, { live: true, signal }), byId),
  ]

  const over = new AbortController()
  const writers = keys.map(async (key, index) => {
    for (let head = ZERO; !over.signal.aborted; ) {
      const group = index % 2 === 0 ? [newEvt()] : [newEvt(), newEvt()]
      head = (await log.persist(newAppend(key, head, [group]))).head
      sent.get(key.id)?.push(...group.map(textOf))
    }
  })
  for (let round = 0; round < 3; round++) {
    const before = byType.length
    await expect.poll(() => byType.length, { timeout: 20_000 }).toBeGreaterThan(before + 100)
    await server.kill()
    await server.start()
  }
  const before = byType.length
  await expect.poll(() => byType.length, { timeout: 20_000 }).toBeGreaterThan(before + 100)
  over.abort()
  await Promise.all(writers)

  for (const key of keys) expect(await texts(log, key)).toEqual(sent.get(key.id))
  const all = [...sent.values()].flat().length
  await expect.poll(() => byType.length, { timeout: 20_000 }).toBe(all)
  for (const { id } of keys) {
    expect(byType.filter(({ key }) => key.id === id).map(textOf)).toEqual(sent.get(id))
  }
  await expect.poll(() => byId.length, { timeout: 20_000 }).toBe(sent.get(first.id)?.length)
  expect(byId.map(textOf)).toEqual(sent.get(first.id))
  stop.abort(new Error('enough'))
  for (const read of await Promise.allSettled(reads)) expect(read).toMatchObject({ reason: signal.reason })
}, 60_000)

async function follow(evts: AsyncIterable<PersistedEvt>, seen: PersistedEvt[]): Promise<void> {
  for await (const evt of evts) seen.push(evt)
}
