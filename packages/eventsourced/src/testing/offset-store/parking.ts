import assert from 'node:assert/strict'
import type { ParkedEvt } from '../../projection/offset-store.js'
import {
  claimed,
  idOf,
  listParked,
  moved,
  moveOf,
  newOffset,
  newProjection,
  offsetStoreCase,
  parkedEvt,
} from './fixture.js'

const failure = { code: 'Error', message: 'no', at: new Date(1_700_000_000_000), attempts: 3, stopped: false }

export const parkingCases = [
  offsetStoreCase('events are parked with the move, and come back as they were, in order', async (subject) => {
    const { store } = subject
    const key = newProjection()
    const [left, right] = [idOf(0), idOf(1)]
    const parked = [
      parkedEvt(2, left, { failure }),
      parkedEvt(5, right),
      parkedEvt(10, left),
      parkedEvt(11, left, { failure }),
    ]
    assert.deepEqual(await listParked(store, key), [])
    await moved(store, key, await claimed(store, key, 1), { park: parked.slice(1, 2), offset: newOffset(5) })
    const record = await moved(store, key, await claimed(store, key, 0), {
      park: [...parked.slice(2), ...parked.slice(0, 1)],
    })
    assert.equal(record.offset.position, 0)
    for (const one of [store, await subject.reopen()]) assertParked(await listParked(one, key), parked)
    assertParked(await listParked(store, key, { slice: 0 }), [parked[0], parked[2], parked[3]])
    assertParked(await listParked(store, key, { id: right }), [parked[1]])
    assertParked(await listParked(store, key, { slice: 0, id: right }), [])
    assertParked(await listParked(store, key, { slice: 2 }), [])
  }),

  offsetStoreCase('a claim tells which entities of the slice have parked events', async ({ store }) => {
    const key = newProjection()
    const ids = [idOf(7), idOf(7)]
    const record = await moved(store, key, await claimed(store, key, 7), {
      park: [...ids.map((id, index) => parkedEvt(index + 1, id)), parkedEvt(9, String(ids[0]))],
    })
    await claimed(store, key, 8)
    const claim = await store.claim(key, 7, 2)
    assert.ok(claim.kind === 'claimed')
    assert.deepEqual([...claim.parkedIds].sort(), [...ids].sort())
    assert.notEqual(claim.record.revision, record.revision)
    const other = await store.claim(key, 8, 2)
    assert.ok(other.kind === 'claimed')
    assert.deepEqual([...other.parkedIds], [])
  }),

  offsetStoreCase('events are taken out with the move, those of none are passed over', async ({ store }) => {
    const key = newProjection()
    const id = idOf(0)
    const parked = [1, 2, 3].map((position) => parkedEvt(position, id))
    let record = await moved(store, key, await claimed(store, key), { park: parked })
    record = await moved(store, key, record, { unpark: [2, 77] })
    assertParked(await listParked(store, key), [parked[0], parked[2]])
    const replaced = { ...parkedEvt(1, id), failure }
    record = await moved(store, key, record, { unpark: [3], park: [replaced] })
    assertParked(await listParked(store, key), [replaced])
    await moved(store, key, record, { unpark: [1] })
    const claim = await store.claim(key, 0, 2)
    assert.ok(claim.kind === 'claimed' && claim.parkedIds.length === 0)
  }),

  offsetStoreCase('a move that is fenced off parks nothing and takes nothing out', async ({ store }) => {
    const key = newProjection()
    const id = idOf(0)
    const kept = parkedEvt(1, id)
    const record = await moved(store, key, await claimed(store, key), { park: [kept] })
    await claimed(store, key, 0, 2)
    await store.commit(key, [moveOf(record, { park: [parkedEvt(2, id), parkedEvt(3, idOf(0))], unpark: [1] })])
    assertParked(await listParked(store, key), [kept])
    const claim = await store.claim(key, 0, 3)
    assert.ok(claim.kind === 'claimed')
    assert.deepEqual([...claim.parkedIds], [id])
  }),

  offsetStoreCase('hundreds of parked events of some size are kept', async ({ store }) => {
    const key = newProjection()
    const id = idOf(0)
    let record = await claimed(store, key)
    const all: ParkedEvt[] = []
    for (let batch = 0; batch < 3; batch++) {
      const park = Array.from({ length: 100 }, (_, index) => {
        const one = parkedEvt(batch * 100 + index + 1, id)
        return { ...one, evt: { ...one.evt, bytes: Buffer.alloc(4_096, index) } }
      })
      record = await moved(store, key, record, { park })
      all.push(...park)
    }
    assertParked(await listParked(store, key), all)
  }),
]

function assertParked(actual: readonly ParkedEvt[], expected: readonly (ParkedEvt | undefined)[]): void {
  const plain = (parked: ParkedEvt | undefined) =>
    parked && { failure: parked.failure, evt: { ...parked.evt, bytes: Buffer.from(parked.evt.bytes).toString('hex') } }
  assert.deepEqual(actual.map(plain), expected.map(plain))
}
