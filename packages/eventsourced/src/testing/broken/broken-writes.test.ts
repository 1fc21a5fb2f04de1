import { setImmediate } from 'node:timers/promises'
import { test } from 'vitest'
import { hasCode } from '../../errors.js'
import { appendIds } from '../../log/append-id.js'
import type { Append, Head } from '../../log/evt-log.js'
import { assertCaught, type Flaw } from './otherwise.test.helper.js'

const FLAWS: readonly Flaw[] = [
  {
    flaw: 'forgets the fence',
    otherwise: (log) => ({
      persist: async (append) => {
        try {
          return await log.persist(append)
        } catch (error) {
          if (!hasCode(error, 'CONFLICT')) throw error
          return log.persist({ ...append, expected: await log.head(append.key) })
        }
      },
    }),
    caughtBy: [
      'an expected head that is too low is a conflict, and nothing is stored',
      'an expected head that is too high is a conflict, and nothing is stored',
      'of two first writes that race one wins, and nothing of the other is stored',
      'the same content under another appendId is another append',
    ],
  },
  {
    flaw: 'looks at the fence long before it writes',
    otherwise: (log) => ({
      persist: async (append) => {
        if (!isAt(await log.head(append.key), append.expected)) return log.persist(append)
        await setImmediate()
        return log.persist({ ...append, expected: await log.head(append.key) })
      },
    }),
    caughtBy: [
      'of two first writes that race one wins, and nothing of the other is stored',
      'of many writers that race for one seqNo exactly one wins, and nothing of the losers is stored',
      'the same append sent twice at once is stored once, and both are told so',
    ],
  },
  {
    flaw: 'fences by the seqNo alone',
    otherwise: (log) => ({
      persist: async (append) => {
        const head = await log.head(append.key)
        return log.persist(head.seqNo === append.expected.seqNo ? { ...append, expected: head } : append)
      },
    }),
    caughtBy: ['an expected head of the right seqNo at another position is a conflict'],
  },
  {
    flaw: 'stores the tail of a conflicting append',
    otherwise: (log) => ({
      persist: async (append) => {
        try {
          return await log.persist(append)
        } catch (error) {
          const expected = await log.head(append.key)
          const tail = append.groups.flat().slice(expected.seqNo - append.expected.seqNo)
          const overlaps = expected.seqNo > append.expected.seqNo && tail.length > 0
          if (overlaps) await log.persist({ ...append, expected, groups: [tail] })
          throw error
        }
      },
    }),
    caughtBy: [
      'an append that begins below the head and ends above it stores nothing of its tail',
      'of many writers that race for one seqNo exactly one wins, and nothing of the losers is stored',
      'a conflicting append harms none that are sent beside it',
      'the fence stands though the events are deleted',
    ],
  },
  {
    flaw: 'drops the tail of a batch',
    otherwise: (log) => ({
      persist: async (append) => {
        const last = append.groups.at(-1) ?? []
        if (last.length < 2) return log.persist(append)
        const groups = [...append.groups.slice(0, -1), last.slice(0, -1)]
        const { positions, head } = await log.persist({ ...append, groups })
        const dropped = { seqNo: head.seqNo + 1, position: head.position + 1 }
        return { groups: groups.length, head: dropped, positions: [...positions, dropped.position] }
      },
    }),
    caughtBy: [
      'the events of several groups are numbered in order, and the answer tells where each stands',
      'a group of 100 events is stored whole',
    ],
  },
  {
    flaw: 'stores a part of a group',
    otherwise: (log) => ({
      persist: (append) => {
        const evts = append.groups.flat()
        return log.persist({ ...append, groups: evts.length > 1 ? [evts.slice(0, -1)] : append.groups })
      },
    }),
    caughtBy: ['a group is stored whole, however many groups of an append the log takes at once'],
  },
  {
    flaw: 'reorders the groups of an append',
    otherwise: (log) => ({ persist: (append) => log.persist({ ...append, groups: append.groups.toReversed() }) }),
    caughtBy: ['the events of several groups are numbered in order, and the answer tells where each stands'],
  },
  {
    flaw: 'does not know an append again',
    otherwise: (log) => ({
      persist: async (append) => {
        const head = await log.head(append.key)
        return log.persist(head.seqNo > append.expected.seqNo ? { ...append, appendId: appendIds()() } : append)
      },
    }),
    caughtBy: [
      'the same append sent again is stored once and answered alike',
      'the same append sent again behind other events is stored once and answered alike',
      'an append of before is known again after reopening',
    ],
  },
  {
    flaw: 'knows an append again only while it is the last',
    otherwise: (log) => ({
      persist: async (append) => {
        const head = await log.head(append.key)
        return log.persist(head.appendId === append.appendId ? append : { ...append, appendId: appendIds()() })
      },
    }),
    caughtBy: ['the same append is known again by another log, and after others have gone on'],
  },
  {
    flaw: 'stores an append that comes again a second time',
    otherwise: (log) => ({
      persist: async (append) => {
        const head = await log.head(append.key)
        return log.persist(head.appendId === append.appendId ? { ...append, expected: head } : append)
      },
    }),
    caughtBy: [
      'the same append sent again is stored once and answered alike',
      'the same long append sent again answers the prefix that was stored the first time',
    ],
  },
  {
    flaw: 'answers with positions of its own',
    otherwise: (log) => ({
      persist: async (append) => {
        const persisted = await log.persist(append)
        return { ...persisted, positions: persisted.positions.map((position) => position + 1) }
      },
    }),
    caughtBy: ['the events of several groups are numbered in order, and the answer tells where each stands'],
  },
  {
    flaw: 'stores what it should refuse',
    otherwise: (log) => ({ persist: (append) => log.persist(mended(append)) }),
    caughtBy: [
      'an event that can’t be stored is refused as bad input, and nothing of its append is stored',
      'a bad append harms none that are sent beside it',
    ],
  },
  {
    flaw: 'stores what comes before the event that it refuses',
    otherwise: (log) => ({
      persist: async (append) => {
        try {
          return await log.persist(append)
        } catch (error) {
          const [first] = append.groups
          if (hasCode(error, 'REFUSED') && first?.[0] !== undefined) await log.persist({ ...append, groups: [first] })
          throw error
        }
      },
    }),
    caughtBy: ['an event that can’t be stored is refused as bad input, and nothing of its append is stored'],
  },
]

for (const flaw of FLAWS) {
  test(`a log that ${flaw.flaw} is caught`, async () => {
    await assertCaught(flaw)
  })
}

function isAt(head: Head, expected: Head): boolean {
  return head.seqNo === expected.seqNo && head.position === expected.position
}

function mended(append: Append): Append {
  const mend = (text: string) => text.replaceAll('\0', '').toWellFormed()
  const groups = append.groups.map((group) =>
    group.map((evt) => ({
      ...evt,
      type: mend(evt.type),
      metadata: Object.fromEntries(Object.entries(evt.metadata).map(([name, value]) => [mend(name), mend(value)])),
    })),
  )
  return { ...append, groups }
}
