import { test } from 'vitest'
import { assertCaught, type Flaw } from './otherwise.test.helper.js'

const ALL = 'the ids of a type are those of its entities, each once, and of no other type'
const DELETED = 'an entity whose events are all deleted has no place among the ids, until it goes on'
const MANY = 'the ids of many entities are all there'
const MEANWHILE = 'an id is there once though its entity goes on meanwhile, and others come'
const STOP = 'ids stop at once when their signal fires, and leave nothing open'

const FLAWS: readonly Flaw[] = [
  {
    flaw: 'lists an id for each event',
    otherwise: (log) => ({
      ids: async function* (typeName) {
        for await (const { key } of log.evtsByType(typeName)) yield key.id
      },
    }),
    caughtBy: [ALL, DELETED],
  },
  {
    flaw: 'lists an id again for each event that comes meanwhile',
    otherwise: (log) => ({
      ids: async function* (typeName, options) {
        const position = await log.headPosition()
        yield* log.ids(typeName, options)
        for await (const { key } of log.evtsByType(typeName, { after: position })) yield key.id
      },
    }),
    caughtBy: [MEANWHILE],
  },
  {
    flaw: 'lists the ids of types that begin alike, too',
    otherwise: (log) => {
      const types = new Set<string>()
      return {
        persist: (append) => {
          types.add(append.key.typeName)
          return log.persist(append)
        },
        ids: async function* (typeName, options) {
          for (const one of types) if (one.startsWith(typeName)) yield* log.ids(one, options)
        },
      }
    },
    caughtBy: [ALL],
  },
  {
    flaw: 'lists entities whose events are deleted',
    otherwise: (log) => {
      const ids = new Map<string, Set<string>>()
      return {
        persist: async (append) => {
          const { typeName, id } = append.key
          ids.set(typeName, (ids.get(typeName) ?? new Set()).add(id))
          return log.persist(append)
        },
        ids: async function* (typeName) {
          yield* ids.get(typeName) ?? []
        },
      }
    },
    caughtBy: [DELETED, STOP],
  },
  {
    flaw: 'lists no entity whose first event is deleted',
    otherwise: (log) => ({
      ids: async function* (typeName, options) {
        for await (const id of log.ids(typeName, options)) {
          for await (const { seqNo } of log.evtsById({ typeName, id }, { to: 1 })) if (seqNo === 1) yield id
        }
      },
    }),
    caughtBy: [DELETED],
  },
  {
    flaw: 'ends its ids at the first page',
    otherwise: (log) => ({
      ids: async function* (typeName, options) {
        let count = 0
        for await (const id of log.ids(typeName, options)) {
          yield id
          if (++count === 1_000) return
        }
      },
    }),
    caughtBy: [MANY],
  },
  {
    flaw: 'pays no heed to the signal of its ids',
    otherwise: (log) => ({ ids: (typeName) => log.ids(typeName) }),
    caughtBy: [STOP],
  },
]

for (const flaw of FLAWS) {
  test(`a log that ${flaw.flaw} is caught`, async () => {
    await assertCaught(flaw)
  })
}
