import { testNats } from 'eventsourced-tools/vitest'
import { expect, test } from 'vitest'
import { collect, newAppend, newEvt, newKey, newStream, openLog, ZERO } from '../../evt-log.test.fixture.js'

test('a read finds its beginning in a long history, wherever it is, and however unevenly the events lie', async () => {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const another = await openLog({ servers: testNats(), stream })
  const [key, other] = [newKey(), newKey()]
  let head = ZERO
  let otherHead = ZERO
  const store = async (count: number) => {
    const group = Array.from({ length: count }, () => newEvt({ bytes: Buffer.from('x') }))
    head = (await log.persist(newAppend(key, head, [group]))).head
  }
  const storeOther = async (count: number) => {
    const group = Array.from({ length: count }, () => newEvt({ bytes: Buffer.from('x') }))
    otherHead = (await log.persist(newAppend(other, otherHead, [group]))).head
  }
  for (const [own, others] of [
    [900, 1],
    [10, 1_000],
    [1, 1_000],
    [500, 1_000],
    [300, 3],
  ] as const) {
    await store(own)
    await storeOther(others)
  }
  await log.deleteEvts(key, 100)
  const last = head.seqNo
  for (const reader of [log, another]) {
    for (const from of [1, 100, 101, 129, 130, 500, 899, 900, 901, 911, 912, 1_000, last - 1, last, last + 1]) {
      for (const to of [from, from + 10, undefined]) {
        const seqNos = (await collect(reader.evtsById(key, { from, ...(to !== undefined && { to }) }))).map(
          (evt) => evt.seqNo,
        )
        const first = Math.max(from, 101)
        const count = Math.max(Math.min(to ?? last, last) - first + 1, 0)
        expect(seqNos, `from ${from} to ${to}`).toEqual(Array.from({ length: count }, (_, index) => first + index))
      }
    }
  }
})
