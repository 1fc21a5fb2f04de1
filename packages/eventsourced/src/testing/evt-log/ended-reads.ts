import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { PersistedEvt } from '../../log/evt-log.js'
import { pagesOf } from '../../log/paged.js'
import { assertRefused, beside, newKey, until } from '../fixture.js'
import { assertEvts, collect, type EvtLogSubject, evtLogCase, newGroups, persistAll, take } from './fixture.js'
import { follow } from './follower.js'

type Log = EvtLogSubject['log']
type Read = (log: Log, key: PersistedEvt['key'], signal?: AbortSignal) => AsyncIterable<PersistedEvt>

/** Every kind of read there is. */
const READS: Record<string, Read> = {
  'by id': (log, key, signal) => log.evtsById(key, { ...(signal && { signal }) }),
  'by id, live': (log, key, signal) => log.evtsById(key, { live: true, ...(signal && { signal }) }),
  'by type': (log, { typeName }, signal) => log.evtsByType(typeName, { ...(signal && { signal }) }),
  'by type, live': (log, { typeName }, signal) => log.evtsByType(typeName, { live: true, ...(signal && { signal }) }),
  'by the page, live': (log, { typeName }, signal) => byThePage(log, typeName, signal),
}

async function* byThePage(log: Log, typeName: string, signal?: AbortSignal): AsyncGenerator<PersistedEvt, void, void> {
  const read = log.evtsByType(typeName, { live: true, ...(signal && { signal }) })
  for await (const page of pagesOf(read)) {
    for (const evt of page) {
      // Of a page in hand the log takes nothing back.
      signal?.throwIfAborted()
      yield evt
    }
  }
}

export const endedReadCases = Object.entries(READS).flatMap(([kind, read]) => [
  evtLogCase(`a read ${kind} with a signal that fired before throws its reason`, async (subject) => {
    const key = newKey()
    await persistAll(subject.log, key, newGroups(1))
    const reason = new Error('too late')
    const seen = await readUntilThrown(read(subject.log, key, AbortSignal.abort(reason)), reason)
    assert.equal(seen.length, 0, 'nothing is read')
    await assertNothingOpen(subject)
  }),

  evtLogCase(`a read ${kind} whose signal fires between two events throws its reason at once`, async (subject) => {
    const key = newKey()
    const known = await persistAll(subject.log, key, newGroups(20))
    const abort = new AbortController()
    const reason = new Error('enough')
    const seen = await readUntilThrown(read(subject.log, key, abort.signal), reason, (count) => {
      if (count === 3) abort.abort(reason)
    })
    assertEvts(seen, known.slice(0, 3))
    await assertNothingOpen(subject, abort.signal)
  }),

  evtLogCase(`a read ${kind} that its consumer leaves, or reads to its end, leaves nothing open`, async (subject) => {
    const key = newKey()
    const known = await persistAll(subject.log, key, newGroups(20))
    const { signal } = new AbortController()
    for (let round = 0; round < 10; round++) {
      assertEvts(await take(3, read(subject.log, key, signal)), known.slice(0, 3))
      assertEvts(await take(known.length, read(subject.log, key, signal)), known)
    }
    await assertNothingOpen(subject, signal)
  }),

  evtLogCase(`a read ${kind} whose consumer throws leaves nothing open`, async (subject) => {
    const key = newKey()
    await persistAll(subject.log, key, newGroups(20))
    const { signal } = new AbortController()
    const thrown = new Error('the consumer’s own')
    await readUntilThrown(read(subject.log, key, signal), thrown, () => {
      throw thrown
    })
    await assertNothingOpen(subject, signal)
  }),

  evtLogCase(`a read ${kind} that was never begun leaves nothing open`, async (subject) => {
    const { signal } = new AbortController()
    const key = newKey()
    read(subject.log, key, signal)
    await persistAll(subject.log, key, newGroups(1))
    await assertNothingOpen(subject, signal)
  }),
])

export const endedLiveReadCases = [
  ...Object.entries(READS)
    .filter(([kind]) => kind.endsWith('live'))
    .flatMap(([kind, read]) => [
      evtLogCase(`a read ${kind} whose signal fires while it waits throws its reason`, async (subject) => {
        const key = newKey()
        const known = await persistAll(subject.log, key, newGroups(2))
        const abort = new AbortController()
        const reason = new Error('enough waited')
        const reading = readUntilThrown(read(subject.log, key, abort.signal), reason, (count) => {
          // Only once the last event is consumed does the read wait.
          if (count === known.length) void setImmediate().then(() => abort.abort(reason))
        })
        assertEvts(await reading, known)
        await assertNothingOpen(subject, abort.signal)
        await persistAll(subject.log, key, newGroups(1))
      }),

      evtLogCase(`a read ${kind} of nothing whose signal fires while it waits throws its reason`, async (subject) => {
        const abort = new AbortController()
        const reason = new Error('enough waited')
        const reading = beside(readUntilThrown(read(subject.log, newKey(), abort.signal), reason))
        await persistAll(subject.log, newKey(), newGroups(1))
        abort.abort(reason)
        assert.equal((await reading).length, 0)
        await assertNothingOpen(subject, abort.signal)
      }),

      evtLogCase(`a read ${kind} is ended by close(), which it learns as refused: closed`, async (subject) => {
        const key = newKey()
        const known = await persistAll(subject.log, key, newGroups(2))
        const waiting = follow((signal) => read(subject.log, key, signal))
        const idle = follow((signal) => read(subject.log, newKey(), signal))
        await waiting.seen(known.length)
        await subject.log.close()
        await assertRefused('closed', () => waiting.ended())
        await assertRefused('closed', () => idle.ended())
        assertEvts(waiting.evts, known)
        await assertNothingOpen(subject)
      }),
    ]),

  evtLogCase('close() comes back though reads were left in the middle', async ({ log }) => {
    const key = newKey()
    await persistAll(log, key, newGroups(20))
    for (const read of Object.values(READS)) await take(1, read(log, key))
    // One that nobody ever leaves: its consumer has simply stopped to ask.
    await log.evtsById(key, { live: true })[Symbol.asyncIterator]().next()
    await log.close()
  }),

  evtLogCase('many reads that come and go leave nothing open', async (subject) => {
    const key = newKey()
    await persistAll(subject.log, key, newGroups(3))
    const { signal } = new AbortController()
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Object.values(READS).map(async (read, index) => {
          if (index % 2 === round % 2) await collect(subject.log.evtsById(key, { signal }))
          await take(2, read(subject.log, key, signal))
        }),
      )
    }
    await assertNothingOpen(subject, signal)
  }),
]

/** Reads until the read, or `onEvt`, throws `reason` itself; answers what was read before. */
async function readUntilThrown(
  read: AsyncIterable<PersistedEvt>,
  reason: unknown,
  onEvt: (count: number) => void = () => {},
): Promise<PersistedEvt[]> {
  const seen: PersistedEvt[] = []
  try {
    for await (const evt of read) onEvt(seen.push(evt))
  } catch (error) {
    assert.equal(error, reason, 'the read throws the reason itself')
    return seen
  }
  assert.fail('the read ended as if it were complete')
}

/** That no read listens to the signal any more, nor, where the subject can tell, holds anything else. */
export async function assertNothingOpen(subject: EvtLogSubject, signal?: AbortSignal): Promise<void> {
  await until(
    'no listener on the signal',
    () => signal === undefined || getEventListeners(signal, 'abort').length === 0,
  )
  await until('no open read', async () => ((await subject.openReads?.()) ?? 0) === 0)
}
