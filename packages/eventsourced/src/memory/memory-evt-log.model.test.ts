import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { appendIds } from '../log/append-id.js'
import { type EntityKey, entityKey } from '../log/entity-key.js'
import type { Head, NewEvt, PersistedEvt } from '../log/evt-log.js'
import { sliceOf } from '../log/slice.js'
import { MemoryEvtLog } from './memory-evt-log.js'

const KEYS = [
  entityKey('left', '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d'),
  entityKey('left', '6ba7b810-9dad-41d1-80b4-00c04fd430c8'),
  entityKey('right', '0193a0b4-7e5f-7c3b-8a1d-2e4f6a8b0c1d'),
]
const SLICE = sliceOf('6ba7b810-9dad-41d1-80b4-00c04fd430c8')

type Step =
  | { readonly kind: 'append'; readonly key: EntityKey; readonly evts: number; readonly size: number }
  | { readonly kind: 'delete'; readonly key: EntityKey; readonly share: number }

const keys = fc.constantFrom(...KEYS)
// Sizes that cross the bounds of chunks: 1,024 events, 1 MiB.
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    key: keys,
    evts: fc.integer({ min: 1, max: 700 }),
    size: fc.constant(5),
  }),
  fc.record({
    kind: fc.constant('append' as const),
    key: keys,
    evts: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 0, max: 700_000 }),
  }),
  fc.record({ kind: fc.constant('delete' as const), key: keys, share: fc.double({ min: 0, max: 1.2, noNaN: true }) }),
)

/** What the log should hold, in the plainest form. */
class Model {
  evts: (Omit<NewEvt, 'metadata'> & Head & { readonly key: EntityKey })[] = []
  readonly heads = new Map<EntityKey, Head>()

  head(key: EntityKey): Head {
    return this.heads.get(key) ?? { seqNo: 0, position: 0 }
  }
}

test('whatever is appended and deleted, every read gives what a plain list would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 16, size: 'max' }), async (steps) => {
      const log = new MemoryEvtLog()
      const model = new Model()
      for (const step of steps) await take(step, log, model)
      for (const key of KEYS) await expectReads(log, model, key)
    }),
    { numRuns: 50 },
  )
})

const nextAppendId = appendIds()

async function take(step: Step, log: MemoryEvtLog, model: Model): Promise<void> {
  const { key } = step
  const { seqNo, position } = model.head(key)
  if (step.kind === 'delete') {
    const toSeqNo = Math.floor(seqNo * step.share)
    await log.deleteEvts(key, toSeqNo)
    model.evts = model.evts.filter((evt) => evt.key !== key || evt.seqNo > toSeqNo)
    return
  }
  const group = Array.from({ length: step.evts }, (_, index) => ({
    type: `type ${index % 3}`,
    version: index + 1,
    bytes: Buffer.alloc(step.size, index),
    metadata: {},
  }))
  const append = { key, expected: { seqNo, position }, appendId: nextAppendId(), groups: [group] }
  const { head, positions } = await log.persist(append)
  for (const [index, evt] of group.entries()) {
    model.evts.push({ ...evt, key, seqNo: seqNo + index + 1, position: positions[index] ?? 0 })
  }
  model.heads.set(key, head)
  expect(await log.persist(append)).toEqual({ groups: 1, head, positions })
}

async function expectReads(log: MemoryEvtLog, model: Model, key: EntityKey): Promise<void> {
  const { evts } = model
  expect(await log.head(key)).toMatchObject(model.head(key))
  const own = evts.filter((evt) => evt.key === key)
  const ofType = evts.filter((evt) => evt.key.typeName === key.typeName)
  const middle = own.at(own.length / 2)
  const [from, after] = [middle?.seqNo ?? 1, middle?.position ?? 0]
  expect(await seen(log.evtsById(key))).toEqual(own.map(shown))
  expect(await seen(log.evtsById(key, { from, to: from + 700 }))).toEqual(
    own.filter((evt) => evt.seqNo >= from && evt.seqNo <= from + 700).map(shown),
  )
  expect(await seen(log.evtsByType(key.typeName))).toEqual(ofType.map(shown))
  expect(await seen(log.evtsByType(key.typeName, { after, slice: [SLICE] }))).toEqual(
    ofType.filter((evt) => evt.position > after && sliceOf(evt.key.id) === SLICE).map(shown),
  )
}

async function seen(evts: AsyncIterable<PersistedEvt>): Promise<string[]> {
  const all = []
  for await (const evt of evts) all.push(shown(evt))
  return all
}

function shown({ key, seqNo, position, type, version, bytes }: Model['evts'][number]): string {
  return `${key.typeName} ${key.id} ${seqNo} @${position} ${type} v${version} ${bytes.length} x ${bytes.at(-1)}`
}
