import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_METADATA_CHARS } from '../../log/check.js'
import type { PersistedEvt } from '../../log/evt-log.js'
import { newKey } from '../fixture.js'
import {
  assertGrowing,
  assertHead,
  assertStored,
  collect,
  evtLogCase,
  newAppend,
  newEvt,
  newGroups,
  persistAll,
  take,
  ZERO,
} from './fixture.js'

const KIB = 1_024

export const appendCases = [
  evtLogCase('an entity without events has an empty head and nothing to read', async ({ log }) => {
    const key = newKey()
    assert.deepEqual({ ...(await log.head(key)) }, { ...ZERO, appendId: '' })
    await assertStored(log, key, [])
  }),

  evtLogCase('an event comes back as it was given, with its seqNo, position, appendId and time', async ({ log }) => {
    const key = newKey()
    const evt = newEvt({ type: 'Größe · 大きさ:*.>', version: 2 ** 31 - 1, metadata: { cause: 'a test' } })
    const append = newAppend(key, ZERO, [[evt]])
    const { head } = await log.persist(append)
    await assertStored(log, key, [{ ...evt, ...head, key, appendId: append.appendId }])
    assert.equal(head.seqNo, 1)
  }),

  evtLogCase(
    'the time of an event is when it was stored, however often and by whichever log it is read',
    async (subject) => {
      const key = newKey()
      await persistAll(subject.log, key, newGroups(3))
      const times = (evts: readonly PersistedEvt[]) => evts.map(({ time }) => time.getTime())
      const first = times(await collect(subject.log.evtsById(key)))
      const another = await subject.reopen()
      await sleep(2)
      assert.deepEqual(times(await collect(another.evtsById(key))), first)
      assert.deepEqual(times(await collect(another.evtsByType(key.typeName))), first)
    },
  ),

  evtLogCase(
    'the events of several groups are numbered in order, and the answer tells where each stands',
    async ({ log }) => {
      const key = newKey()
      const groups = [[newEvt()], [newEvt(), newEvt(), newEvt()], [newEvt(), newEvt()]]
      const first = await persistAll(log, key, groups)
      const second = await persistAll(log, key, newGroups(2))
      await assertStored(log, key, [...first, ...second])
    },
  ),

  evtLogCase('a group is stored whole, however many groups of an append the log takes at once', async ({ log }) => {
    const key = newKey()
    const groups = Array.from({ length: 200 }, (_, index) => Array.from({ length: (index % 3) + 1 }, () => newEvt()))
    await assertStored(log, key, await persistAll(log, key, groups))
  }),

  evtLogCase('a group of 100 events is stored whole', async ({ log }) => {
    const key = newKey()
    const group = Array.from({ length: 100 }, () => newEvt())
    await assertStored(log, key, await persistAll(log, key, [group]))
  }),

  evtLogCase('the head is that of the last event, with its appendId', async ({ log }) => {
    const key = newKey()
    await persistAll(log, key, newGroups(2))
    const last = (await persistAll(log, key, newGroups(2))).at(-1)
    const head = await log.head(key)
    assertHead(head, last)
    assert.equal(head.appendId, last?.appendId)
  }),

  evtLogCase("the log's head position is never behind an event that is stored", async ({ log }) => {
    const before = await log.headPosition()
    const known = await persistAll(log, newKey(), newGroups(3))
    assertGrowing([before, ...known.map(({ position }) => position)])
    assert.ok((await log.headPosition()) >= (known.at(-1)?.position ?? Number.NaN))
  }),

  evtLogCase('payloads from 0 bytes to 512 KiB come back byte for byte', async ({ log }) => {
    const sizes = [0, 1, 2, 127, 128, 255, 256, 4 * KIB, 64 * KIB - 1, 64 * KIB, 512 * KIB]
    for (const size of sizes) {
      const key = newKey()
      await assertStored(log, key, await persistAll(log, key, [[newEvt({ bytes: randomBytes(size) })]]))
    }
  }),

  evtLogCase('large payloads in one append come back byte for byte', async ({ log }) => {
    const key = newKey()
    const groups = Array.from({ length: 8 }, () => [newEvt({ bytes: randomBytes(256 * KIB) })])
    await assertStored(log, key, await persistAll(log, key, groups))
  }),

  evtLogCase('each byte value survives, also in a part of a larger buffer', async ({ log }) => {
    const key = newKey()
    const all = Uint8Array.from({ length: 512 }, (_, index) => index % 256)
    const groups = [[newEvt({ bytes: all.subarray(128, 384) })], [newEvt({ bytes: all.subarray(0, 0) })]]
    await assertStored(log, key, await persistAll(log, key, groups))
  }),

  evtLogCase('metadata comes back as it was given, whatever its names and values', async ({ log }) => {
    const key = newKey()
    const hostile: [string, string][] = [
      ['', 'an empty name'],
      ['empty value', ''],
      ['__proto__', 'polluted'],
      ['constructor', 'x'],
      ['toString', 'x'],
      ['Nats-Rollup', 'all'],
      ['Nats-Expected-Last-Subject-Sequence', '0'],
      ['Nats-Msg-Id', 'x'],
      ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
      ['colons: and\r\nnew lines', 'one\r\nNats-Rollup: all\r\n\r\nbody'],
      ['tab\tand \u0001 control', '\u0007\u001b[0m\u007f\u0085'],
      ['quotes " \' \\ $1 {} , ;', '\'; DROP TABLE evts; -- {"a":1} \\u0000 %s'],
      ['näme · 名 · 👩‍🚀', 'välue · 値 · 👩‍🚀'],
      ['\uFEFFmarked', '\uFEFFmarked\u2028\u2029'],
      [' spaces ', ' spaces '],
    ]
    const apart = hostile.map(([name, value]) => [newEvt({ metadata: Object.fromEntries([[name, value]]) })])
    const together = [newEvt({ metadata: Object.fromEntries(hostile) }), newEvt({ metadata: {} })]
    await assertStored(log, key, await persistAll(log, key, [...apart, together]))
  }),

  evtLogCase('much metadata comes back as it was given', async ({ log }) => {
    const key = newKey()
    const name = 'name'
    const longest = { [name]: 'x'.repeat(MAX_METADATA_CHARS - name.length) }
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`name ${index}`, `värde ${index}`]))
    await assertStored(
      log,
      key,
      await persistAll(log, key, [[newEvt({ metadata: longest })], [newEvt({ metadata: many })]]),
    )
  }),

  evtLogCase(
    'what the caller changes after an append is answered, or in what it read, changes nothing stored',
    async ({ log }) => {
      const key = newKey()
      const bytes = Buffer.from('as it was')
      const metadata = { name: 'as it was' }
      const [known] = await persistAll(log, key, [[newEvt({ bytes, metadata })]])
      assert.ok(known)
      const stored = { ...known, bytes: Buffer.from('as it was'), metadata: { name: 'as it was' } }
      bytes.fill(0)
      metadata.name = 'changed'
      const [read] = await collect(log.evtsById(key))
      read?.bytes.fill(0)
      await assertStored(log, key, [stored])
    },
  ),

  evtLogCase('two types with one id never see each other', async ({ log }) => {
    const [left, right] = [newKey(), newKey()].map(({ typeName }, _, [first]) => ({ typeName, id: first?.id ?? '' }))
    assert.ok(left && right)
    const ofLeft = await persistAll(log, left, newGroups(2))
    await assertStored(log, right, [])
    const ofRight = await persistAll(log, right, newGroups(3))
    await assertStored(log, left, ofLeft)
    await assertStored(log, right, ofRight)
    assert.deepEqual(
      (await take(3, log.evtsByType(right.typeName))).map(({ key }) => key.typeName),
      ofRight.map(() => right.typeName),
    )
    await log.deleteEvts(left, 2)
    await assertStored(log, right, ofRight)
  }),

  evtLogCase('type names that differ in case, or where one begins like another, are apart', async ({ log }) => {
    const { typeName, id } = newKey()
    const names = [`${typeName}-a`, `${typeName}-A`, `${typeName}-`, `${typeName}_a`, `${typeName}-aa`]
    const known = []
    for (const name of names) known.push(await persistAll(log, newKey(name), newGroups(1)))
    for (const [index, name] of names.entries()) {
      const read = await collect(log.evtsByType(name))
      assert.deepEqual(
        read.map(({ appendId }) => appendId),
        known[index]?.map(({ appendId }) => appendId),
      )
      await assertStored(log, { typeName: name, id }, [])
    }
  }),
]
