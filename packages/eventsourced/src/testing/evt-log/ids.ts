import assert from 'node:assert/strict'
import { newKey, newTypeName } from '../fixture.js'
import { assertNothingOpen } from './ended-reads.js'
import { collect, evtLogCase, type EvtLogSubject, newAppend, newGroups, persistAll, take, ZERO } from './fixture.js'

type Log = EvtLogSubject['log']

export const idCases = [
  evtLogCase('the ids of a type are those of its entities, each once, and of no other type', async ({ log }) => {
    const typeName = newTypeName()
    const ids = await newEntities(log, typeName, 5)
    for (const id of ids.slice(0, 3)) await persistAll(log, { typeName, id }, newGroups(3))
    for (const other of [`${typeName}s`, typeName.slice(0, -1), typeName.toUpperCase()]) {
      await persistAll(log, newKey(other), newGroups(1))
    }
    await assertIds(log, typeName, ids)
    await assertIds(log, newTypeName(), [])
  }),

  evtLogCase('an entity whose events are all deleted has no place among the ids, until it goes on', async ({ log }) => {
    const typeName = newTypeName()
    const [forgotten = '', again = '', partly = '', whole = ''] = await newEntities(log, typeName, 4, 2)
    await log.deleteEvts({ typeName, id: forgotten }, 2)
    await log.deleteEvts({ typeName, id: again }, 2)
    await log.deleteEvts({ typeName, id: partly }, 1)
    await assertIds(log, typeName, [partly, whole])
    await persistAll(log, { typeName, id: again }, newGroups(1))
    await assertIds(log, typeName, [partly, whole, again])
  }),

  evtLogCase('the ids of many entities are all there', async ({ log }) => {
    const typeName = newTypeName()
    await assertIds(log, typeName, await newEntities(log, typeName, 2_500))
  }),

  evtLogCase('an id is there once though its entity goes on meanwhile, and others come', async ({ log }) => {
    const typeName = newTypeName()
    const ids = await newEntities(log, typeName, 40)
    const seen: string[] = []
    for await (const id of log.ids(typeName)) {
      seen.push(id)
      if (seen.length > 40) continue
      await persistAll(log, { typeName, id: ids[seen.length - 1] ?? '' }, newGroups(1))
      await persistAll(log, newKey(typeName), newGroups(1))
    }
    assert.equal(new Set(seen).size, seen.length, 'no id comes twice')
    assert.deepEqual(
      ids.filter((id) => !seen.includes(id)),
      [],
    )
  }),

  evtLogCase('ids stop at once when their signal fires, and leave nothing open', async (subject) => {
    const typeName = newTypeName()
    await newEntities(subject.log, typeName, 10)
    const reason = new Error('enough')
    await assert.rejects(collect(subject.log.ids(typeName, { signal: AbortSignal.abort(reason) })), reason)
    const abort = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const id of subject.log.ids(typeName, { signal: abort.signal })) {
        if (seen.push(id) === 3) abort.abort(reason)
      }
    })()
    await assert.rejects(reading, reason)
    assert.equal(seen.length, 3)
    const left = new AbortController()
    await take(2, subject.log.ids(typeName, { signal: left.signal }))
    for (const { signal } of [abort, left]) await assertNothingOpen(subject, signal)
  }),
]

/** Creates entities with so many events each, and answers their ids. */
async function newEntities(log: Log, typeName: string, count: number, evts = 1): Promise<string[]> {
  const appends = Array.from({ length: count }, () => newAppend(newKey(typeName), ZERO, [newGroups(evts).flat()]))
  await Promise.all(appends.map((append) => log.persist(append)))
  return appends.map(({ key }) => key.id)
}

async function assertIds(log: Log, typeName: string, expected: readonly string[]): Promise<void> {
  assert.deepEqual((await collect(log.ids(typeName))).sort(), [...expected].sort())
}
