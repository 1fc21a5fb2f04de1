import { type Append, ConflictError, type Head } from 'eventsourced'
import { testNats } from 'eventsourced-tools/vitest'
import { expect, test } from 'vitest'
import { newAppend, newEvt, newKey, newStream, openLog, textOf, texts, ZERO } from '../../evt-log.test.fixture.js'

test('fences that fail in a shared batch fail their own appends only, also when they fail over and over', async () => {
  const log = await openLog({ servers: testNats(), stream: newStream(), setup: true, batching: 'always' })
  const stale: { readonly first: Append; readonly head: Head }[] = []
  for (let index = 0; index < 8; index++) {
    const first = newAppend(newKey())
    stale.push({ first, head: (await log.persist(first)).head })
  }
  const writers = Array.from({ length: 120 }, (_, index) => ({ key: newKey(), size: 1 + (index % 3) }))
  const heads = new Map<string, Head>()
  const sent = new Map<string, string[]>()
  for (let round = 0; round < 4; round++) {
    const failing = stale.map(({ first }) => log.persist(newAppend(first.key, ZERO, [[newEvt(), newEvt()]])))
    const storing = writers.map(async ({ key, size }) => {
      const group = Array.from({ length: size }, () => newEvt())
      const { head } = await log.persist(newAppend(key, heads.get(key.id) ?? ZERO, [group]))
      heads.set(key.id, head)
      sent.set(key.id, [...(sent.get(key.id) ?? []), ...group.map(textOf)])
    })
    for (const outcome of await Promise.allSettled(failing)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(ConflictError) })
    }
    await Promise.all(storing)
  }
  for (const { key } of writers) expect(await texts(log, key)).toEqual(sent.get(key.id))
  for (const { first, head } of stale) {
    expect(await log.head(first.key)).toMatchObject(head)
    // Once it knows better it is stored as any.
    expect(await log.persist(newAppend(first.key, head, [[newEvt(), newEvt()]]))).toMatchObject({ groups: 1 })
  }
})

test('an expected head that is too high fails its own append only', async () => {
  const log = await openLog({ servers: testNats(), stream: newStream(), setup: true })
  const ahead = newKey()
  const good = Array.from({ length: 20 }, () => newAppend(newKey(), ZERO, [[newEvt(), newEvt()]]))
  const [conflict, ...stored] = await Promise.allSettled([
    log.persist(newAppend(ahead, { seqNo: 5, position: 5_000 }, [[newEvt(), newEvt()]])),
    ...good.map((append) => log.persist(append)),
  ])
  expect(conflict).toMatchObject({ status: 'rejected', reason: expect.any(ConflictError) })
  expect(stored.every(({ status }) => status === 'fulfilled')).toBe(true)
  expect(await log.head(ahead)).toMatchObject(ZERO)
})
