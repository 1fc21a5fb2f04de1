import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, test } from 'vitest'
import { closing, newAppend, newEvt, newKey, newStream, openLog, textOf, texts, ZERO } from '../evt-log.test.fixture.js'

test('a head stays what it was when its event is deleted, and is good for the next append, whoever deleted', async () => {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const another = await openLog({ servers: testNats(), stream })
  for (const deleting of [log, another]) {
    for (const group of [[newEvt()], [newEvt(), newEvt()]]) {
      const key = newKey()
      const { head } = await log.persist(newAppend(key, ZERO, [[newEvt(), newEvt()]]))
      await deleting.deleteEvts(key, 2)
      expect(await log.head(key)).toMatchObject(head)
      const next = newAppend(key, head, [group])
      const persisted = await log.persist(next)
      expect(persisted.head.seqNo).toBe(2 + group.length)
      expect(await log.persist(next)).toEqual(persisted)
      expect(await texts(another, key)).toEqual(group.map(textOf))
    }
  }
})

test('a deletion keeps one message of an entity, and no more', async () => {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const connection = await closing(connect({ servers: testNats() }))
  const { streams } = await connection.jetstreamManager()
  const key = newKey()
  let head = ZERO
  for (let round = 1; round <= 3; round++) {
    head = (await log.persist(newAppend(key, head, [[newEvt(), newEvt(), newEvt()]]))).head
    for (let again = 0; again < 2; again++) await log.deleteEvts(key, head.seqNo)
    expect((await streams.info(stream)).state.messages).toBe(1)
  }
})
