import { testNats } from 'eventsourced-tools/vitest'
import { connect } from 'nats'
import { describe, expect, test } from 'vitest'
import {
  answerOnce,
  closing,
  failureOf,
  newAppend,
  newEvt,
  newKey,
  newStream,
  openLog,
  textOf,
  texts,
  ZERO,
} from '../../evt-log.test.fixture.js'

/** A log whose next append is answered with an error. */
async function answeredOnce(code: number, description?: string) {
  const stream = newStream()
  const servers = testNats()
  const log = await openLog({ servers, stream, setup: true })
  const connection = await closing(connect({ servers }))
  return {
    log,
    isBack: await answerOnce(connection, {
      stream,
      subjects: `${stream}.>`,
      code,
      ...(description !== undefined && { description }),
    }),
  }
}

describe.each([
  { what: 'a single event', groups: [[newEvt()]] },
  { what: 'a batch', groups: [[newEvt(), newEvt()]] },
])('$what', ({ groups }) => {
  test.for<[code: number, what: string, description?: string]>([
    [10_164, 'a conflict without a number, though nobody else was there'],
    [10_071, 'a conflict, though nobody else was there'],
    [10_158, 'a message with that id is in process'],
    [10_163, 'the expected sequence is not known for the moment'],
    [10_118, 'the stream is offline'],
    [10_194, 'the stream is offline, and why'],
    [10_008, 'JetStream is not available for the moment'],
    [10_009, 'not the leader'],
    [10_176, 'a batch of which a message is missing'],
    [10_210, 'too many batches in flight'],
    [10_211, 'too many batches in flight, on all streams'],
    [10_167, 'too many requests'],
    [10_004, 'incomplete results'],
    [10_007, 'not assigned to this server'],
    [10_023, 'insufficient resources'],
    [10_039, 'JetStream is not enabled for the account, while a server is reloaded'],
    [10_041, 'an error of the cluster’s consensus'],
    [10_059, 'no such stream, while a cluster is being started'],
    [10_076, 'JetStream is not enabled, while a server is being started'],
    [10_077, 'the store is closed, while a server stops', 'store is closed'],
  ])('answered with %i (%s) is sent again until it is stored, once', async ([code, , description]) => {
    const { log, isBack } = await answeredOnce(code, description)
    const key = newKey()
    const { head } = await log.persist(newAppend(key, ZERO, groups))
    await isBack()
    expect(head.seqNo).toBe(groups.flat().length)
    expect(await texts(log, key)).toEqual(groups.flat().map(textOf))
  })

  test.for<[code: number, reason: string]>([
    [10_199, 'too-large'],
    [10_054, 'too-large'],
    [10_097, 'too-large'],
    [10_174, 'forbidden'],
    [10_109, 'forbidden'],
    [10_077, 'full'],
    [10_047, 'full'],
    [10_028, 'full'],
    [10_002, 'full'],
    [10_060, 'bad-input'],
    [10_175, 'bad-input'],
    [10_177, 'bad-input'],
    [10_179, 'bad-input'],
    [10_193, 'bad-input'],
    [10_200, 'bad-input'],
    [10_201, 'bad-input'],
  ])('answered with %i is refused as %s, and not sent again', async ([code, reason]) => {
    const { log, isBack } = await answeredOnce(code)
    const key = newKey()
    expect(await failureOf(log.persist(newAppend(key, ZERO, groups)))).toMatchObject({ code: 'REFUSED', reason })
    await isBack()
    expect(await log.head(key)).toMatchObject(ZERO)
  })
})

test.each([
  { what: 'a single event', groups: [[newEvt()]] },
  { what: 'a batch', groups: [[newEvt(), newEvt()]] },
])('$what is unavailable, and not stored, where no stream listens, and is stored once one does', async ({ groups }) => {
  const stream = newStream()
  const servers = testNats()
  const log = await openLog({ servers, stream, setup: true, timeout: 200 })
  const connection = await closing(connect({ servers }))
  const manager = await connection.jetstreamManager()
  const { config } = await manager.streams.info(stream)
  await manager.streams.delete(stream)
  const append = newAppend(newKey(), ZERO, groups)
  const failure = await failureOf(log.persist(append))
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('no stream listens') })
  await manager.streams.add(config)
  expect(await log.head(append.key)).toMatchObject(ZERO)
  expect(await log.persist(append)).toMatchObject({ groups: 1 })
  expect(await texts(log, append.key)).toEqual(groups.flat().map(textOf))
})

test('an error that nobody knows promises nothing: it is found out what became of the append', async () => {
  const { log, isBack } = await answeredOnce(19_999)
  const key = newKey()
  const append = newAppend(key)
  expect(await log.persist(append)).toMatchObject({ groups: 1 })
  await isBack()
  expect(await texts(log, key)).toEqual(append.groups.flat().map(textOf))
})
