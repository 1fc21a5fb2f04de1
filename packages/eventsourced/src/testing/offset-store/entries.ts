import assert from 'node:assert/strict'
import { until } from '../fixture.js'
import { newProjection, offsetStoreCase } from './fixture.js'

/** An entry's value. It is one that a projection could have written, since the cases may share a store whose entries all are read. */
function entryOf(text: string): string {
  return JSON.stringify({ note: text, versions: [] })
}

export const entryCases = [
  offsetStoreCase('an entry is written once where there is none, and comes back', async (subject) => {
    const { store } = subject
    const { name } = newProjection()
    assert.equal(await store.entry(name), undefined)
    assert.equal(await store.putEntry(name, { value: entryOf('größe "1"\n'), revision: 0 }), true)
    assert.equal(await store.putEntry(name, { value: entryOf('another'), revision: 0 }), false)
    for (const one of [store, await subject.reopen()]) {
      assert.equal((await one.entry(name))?.value, entryOf('größe "1"\n'))
      assert.ok((await one.names()).includes(name))
    }
  }),

  offsetStoreCase('an entry is replaced only by who knows what stands there', async ({ store }) => {
    const { name } = newProjection()
    await store.putEntry(name, { value: entryOf('1'), revision: 0 })
    const first = await store.entry(name)
    assert.ok(first !== undefined && first.revision > 0)
    assert.equal(await store.putEntry(name, { value: entryOf('2'), revision: first.revision }), true)
    assert.equal(await store.putEntry(name, { value: entryOf('3'), revision: first.revision }), false)
    assert.equal((await store.entry(name))?.value, entryOf('2'))
  }),

  offsetStoreCase('of writers at once one is first', async (subject) => {
    const { store } = subject
    const another = await subject.reopen()
    const { name } = newProjection()
    for (let round = 0; round < 3; round++) {
      const revision = (await store.entry(name))?.revision ?? 0
      const values = ['a', 'b', 'c', 'd'].map((value) => entryOf(`${value}${round}`))
      const written = await Promise.all(
        values.map((value, index) => (index % 2 === 0 ? store : another).putEntry(name, { value, revision })),
      )
      const winners = values.filter((_, index) => written[index])
      assert.equal(winners.length, 1)
      assert.equal((await another.entry(name))?.value, winners[0])
    }
  }),

  offsetStoreCase('where entries can be watched, each write is told', async (subject) => {
    const { store } = subject
    if (store.watch === undefined) return
    const another = await subject.reopen()
    const { name } = newProjection()
    let told = 0
    const watching = store.watch(name, () => {
      told++
    })
    for (let round = 0; round < 2; round++) {
      const before = told
      const revision = (await another.entry(name))?.revision ?? 0
      assert.ok(await another.putEntry(name, { value: entryOf(String(round)), revision }))
      await until('the write is told', () => told > before)
    }
    watching.stop()
  }),
]
