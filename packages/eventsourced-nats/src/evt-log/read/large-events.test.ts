import { pagesOf } from 'eventsourced'
import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing, newAppend, newEvt, newKey, newStream, openLog, ZERO } from '../../evt-log.test.fixture.js'

const MIB = 1_048_576

test('what waits for a reader that stands still is bounded by bytes, however large the events are', async () => {
  const stream = newStream()
  const log = await openLog({ servers: testNats(), stream, setup: true })
  const key = newKey()
  let head = ZERO
  for (let stored = 0; stored < 60 * MIB; stored += MIB / 2) {
    head = (await log.persist(newAppend(key, head, [[newEvt({ bytes: Buffer.alloc(MIB / 2, stored) })]]))).head
  }
  const connection = await closing(connect({ servers: testNats() }))
  const { consumers } = await connection.jetstreamManager()
  let delivered = 0
  /** Nothing comes any more, since there is nothing, or since nothing is asked for. */
  const isAtRest = async () => {
    const [consumer] = await consumers.list(stream).next()
    const before = delivered
    delivered = consumer?.delivered.consumer_seq ?? 0
    return delivered === before && (consumer?.num_pending === 0 || consumer?.num_waiting === 0)
  }
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const { signal } = abort
  let seen = 0
  for await (const page of pagesOf(log.evtsByType(key.typeName, { live: true, signal }))) {
    for (const evt of page) expect(evt.seqNo).toBe(++seen)
    expect(page.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)).toBeLessThanOrEqual(20 * MIB)
    if (seen === head.seqNo) break
    await expect.poll(isAtRest, { timeout: 10_000 }).toBe(true)
  }
})
