import { test } from 'vitest'
import type { PersistedEvt } from '../../log/evt-log.js'
import { MemoryEvtLog } from '../../memory/memory-evt-log.js'
import { assertCaught, faceOf, type Flaw } from './otherwise.test.helper.js'

const FLAWS: readonly Flaw[] = [
  {
    flaw: 'loses the head when all events are deleted',
    otherwise: (log) => ({
      head: async (key) => {
        const head = await log.head(key)
        return (await isEmpty(log.evtsById(key))) ? { seqNo: 0, position: 0, appendId: '' } : head
      },
    }),
    caughtBy: [
      'of five events those up to 5 are deleted, and the head survives',
      'an entity goes on and on after its events are deleted again and again',
    ],
  },
  {
    flaw: 'loses the appendId when the newest event is deleted',
    otherwise: (log) => ({
      head: async (key) => {
        const head = await log.head(key)
        return (await isEmpty(log.evtsById(key))) ? { ...head, appendId: '' } : head
      },
    }),
    caughtBy: ['of five events those up to 5 are deleted, and the head survives'],
  },
  {
    flaw: 'deletes nothing',
    otherwise: () => ({ deleteEvts: async () => {} }),
    caughtBy: [
      'of five events those up to 1 are deleted, and the head survives',
      'of five events those up to 1000 are deleted, and the head survives',
      'what one log deletes another no longer reads',
    ],
  },
  {
    flaw: 'deletes one event too few',
    otherwise: (log) => ({ deleteEvts: (key, toSeqNo) => log.deleteEvts(key, Math.max(toSeqNo - 1, 0)) }),
    caughtBy: [
      'of five events those up to 3 are deleted, and the head survives',
      'ranges that touch deleted events give what is left',
    ],
  },
  {
    flaw: 'deletes one event too many',
    otherwise: (log) => ({
      deleteEvts: (key, toSeqNo) => log.deleteEvts(key, Math.min(toSeqNo + 1, Number.MAX_SAFE_INTEGER)),
    }),
    caughtBy: [
      'of five events those up to 0 are deleted, and the head survives',
      'of five events those up to 4 are deleted, and the head survives',
      'a deletion can be repeated, and one that asks for less does nothing',
    ],
  },
  {
    flaw: 'deletes the events of all entities of the type',
    otherwise: (log) => ({
      deleteEvts: async (key, toSeqNo) => {
        for await (const evt of log.evtsByType(key.typeName)) await log.deleteEvts(evt.key, toSeqNo)
      },
    }),
    caughtBy: ['of five events those up to 3 are deleted, and the head survives'],
  },
  {
    flaw: 'never closes',
    otherwise: () => ({ close: async () => {} }),
    caughtBy: ['a closed log refuses everything, and can be closed again'],
  },
  {
    flaw: 'does not end live reads when it closes',
    otherwise: () => ({ close: async () => {} }),
    caughtBy: [
      'a read by id, live is ended by close(), which it learns as refused: closed',
      'a read by type, live is ended by close(), which it learns as refused: closed',
    ],
    hangs: true,
  },
  {
    flaw: 'fails to close twice',
    otherwise: (log) => {
      let isClosed = false
      return {
        close: async () => {
          if (isClosed) throw new Error('closed already')
          isClosed = true
          await log.close()
        },
      }
    },
    caughtBy: ['a closed log refuses everything, and can be closed again'],
  },
  {
    flaw: 'waits for its readers when it closes',
    otherwise: (log) => ({ close: () => new Promise<void>(() => void log.headPosition()) }),
    caughtBy: ['close() comes back though reads were left in the middle'],
    hangs: true,
  },
  {
    flaw: 'forgets what it stored when it is opened again',
    otherwise: () => faceOf(new MemoryEvtLog()),
    caughtBy: ['all that was stored is there after closing and reopening, and goes on'],
  },
]

for (const flaw of FLAWS) {
  test(`a log that ${flaw.flaw} is caught`, async () => {
    await assertCaught(flaw)
  })
}

async function isEmpty(evts: AsyncIterable<PersistedEvt>): Promise<boolean> {
  for await (const _ of evts) return false
  return true
}
