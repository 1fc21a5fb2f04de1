import { randomUUID } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EvtLog } from '../log/evt-log.js'
import { MemoryEvtLog } from '../memory/memory-evt-log.js'
import { MemorySnapshotStore } from '../memory/memory-snapshot-store.js'
import type { SnapshotStore } from '../snapshot/snapshot-store.js'
import { Entity } from './entity.js'
import type { EntityRef } from './ref.js'
import {
  type Binarizers,
  type Cmd,
  jsonBinarizers,
  protobufBinarizers,
  wallet1,
  wallet2,
  wallet3,
} from './wallet.test.fixture.js'

describe.each([
  ['JSON', jsonBinarizers],
  ['protobuf', protobufBinarizers],
])('an entity of several generations, its events as %s,', (_, createBinarizers) => {
  let binarizers: Binarizers
  let evtLog: EvtLog
  let snapshotStore: SnapshotStore
  let id: string

  beforeAll(async () => {
    binarizers = await createBinarizers()
  })
  beforeEach(() => {
    evtLog = new MemoryEvtLog()
    snapshotStore = new MemorySnapshotStore()
    id = randomUUID()
  })

  /** The entity as the code of each generation runs it. */
  const first = () => Entity.spawn(id, wallet1, { evtLog, snapshotStore, binarizer: binarizers.first })
  const second = () => Entity.spawn(id, wallet2, { evtLog, snapshotStore, binarizer: binarizers.second })
  const third = () => Entity.spawn(id, wallet3, { evtLog, snapshotStore, binarizer: binarizers.third })

  async function use<Evt>(spawned: Promise<EntityRef<Cmd, Evt>>, ...cmds: readonly Cmd[]): Promise<unknown> {
    const ref = await spawned
    for (const cmd of cmds) await ref.handleCmd(cmd)
    const { reply } = await ref.handleCmd({ type: 'Look' })
    await ref.stop()
    return reply
  }

  /** Two events of each generation. */
  async function written(): Promise<unknown> {
    await use(first(), { type: 'Open', owner: 'Ada' }, { type: 'Pay', cents: 1n })
    await use(second(), { type: 'Open', owner: 'Bob' }, { type: 'Pay', cents: 2n ** 60n })
    return use(third(), { type: 'Open', owner: 'Cid' }, { type: 'Pay', cents: -3n })
  }

  const wallet = {
    owners: ['Bob', 'Cid'],
    currency: 'CHF',
    cents: 2n ** 60n - 2n,
    reasons: ['unknown', 'unknown', 'a gift'],
  }

  test('is stored as each generation wrote it, and read by the newest as its own', async () => {
    expect(await written()).toEqual(wallet)
    const stored: unknown[] = []
    for await (const evt of evtLog.evtsById({ typeName: 'wallet', id })) stored.push([evt.type, evt.version])
    expect(stored).toEqual([
      ['Opened', 1],
      ['Paid', 1],
      ['Opened', 2],
      ['Paid', 1],
      ['Opened', 3],
      ['Moved', 1],
    ])
    await snapshotStore.delete({ typeName: 'wallet', id })
    expect(await use(third())).toEqual(wallet)
  })

  test('has its old events upcast step by step, and an old type turned into one of today', async () => {
    await use(first(), { type: 'Open', owner: 'Ada' }, { type: 'Pay', cents: 1n })
    expect(await use(second())).toEqual({ owner: 'Ada', currency: 'EUR', cents: 1n })
    expect(await use(third())).toEqual({ owners: ['Ada'], currency: 'EUR', cents: 1n, reasons: ['unknown'] })
  })

  test("passes over a snapshot of another generation's state, older or newer, and uses its own", async () => {
    await use(first(), { type: 'Open', owner: 'Ada' })
    expect(await snapshotStore.load({ typeName: 'wallet', id })).toMatchObject({ version: 0, seqNo: 1 })
    expect(await use(second(), { type: 'Pay', cents: 1n })).toEqual({ owner: 'Ada', currency: 'EUR', cents: 1n })
    expect(await snapshotStore.load({ typeName: 'wallet', id })).toMatchObject({ version: 1, seqNo: 2 })
    expect(await use(first())).toEqual({ owner: 'Ada', cents: 1n })
    await evtLog.deleteEvts({ typeName: 'wallet', id }, 1)
    expect(await use(second())).toEqual({ owner: 'Ada', currency: 'EUR', cents: 1n })
  })

  test('can not be spawned by code that is older than an event of it, which says which', async () => {
    await written()
    await expect(first()).rejects.toMatchObject({
      code: 'EVT_TOO_NEW',
      message: expect.stringMatching(`^event 3 of wallet ${id} .*"Opened" in version 2: .* up to 1`),
    })
    await expect(second()).rejects.toMatchObject({
      code: 'EVT_TOO_NEW',
      message: expect.stringMatching(`^event 5 of wallet ${id} .*"Opened" in version 3: .* up to 2`),
    })
  })

  test('can not be spawned by code that does not know the type of an event, which says which', async () => {
    await use(first(), { type: 'Pay', cents: 1n })
    await use(third(), { type: 'Pay', cents: 2n })
    await expect(second()).rejects.toMatchObject({
      code: 'UNKNOWN_EVT_TYPE',
      message: expect.stringMatching(`^event 2 of wallet ${id} .*"Moved": this code knows Opened, Paid`),
    })
    expect(await use(third())).toMatchObject({ cents: 3n })
  })

  test('fails where it lives in code that is older than what newer code writes meanwhile, and stores nothing more', async () => {
    const old = await second()
    await old.handleCmd({ type: 'Pay', cents: 1n })
    await use(third(), { type: 'Pay', cents: 2n })
    await expect(old.handleCmd({ type: 'Pay', cents: 4n })).rejects.toMatchObject({
      code: 'UNKNOWN_EVT_TYPE',
      message: expect.stringContaining(`event 2 of wallet ${id}`),
    })
    await expect(old.handleCmd({ type: 'Look' })).rejects.toMatchObject({ code: 'STOPPED' })
    expect(await use(third())).toMatchObject({ cents: 3n })
  })
})
