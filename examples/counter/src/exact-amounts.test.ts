import { randomUUID } from 'node:crypto'
import { Entity, type EvtLog, NoopSnapshotStore, snapshotEvery, type SnapshotStore } from 'eventsourced'
import { NatsEvtLog, NatsSnapshotStore } from 'eventsourced-nats'
import { PostgresEvtLog, PostgresSnapshotStore } from 'eventsourced-postgres'
import { testNats, testPostgres } from 'eventsourced-tools/vitest'
import { describe, expect, test } from 'vitest'
import { counterBinarizer } from './counter-binarizer.js'
import { counter, MAX } from './counter.js'

interface Backend {
  readonly evtLog: EvtLog
  readonly snapshotStore: SnapshotStore
}

const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  async PostgreSQL() {
    const connection = await testPostgres()
    return {
      evtLog: await PostgresEvtLog.create({ connection, setup: true }),
      snapshotStore: await PostgresSnapshotStore.create({ connection, setup: true }),
    }
  },
  async JetStream() {
    const servers = testNats()
    return {
      evtLog: await NatsEvtLog.create({ servers, stream: `exact-${randomUUID()}`, setup: true }),
      snapshotStore: await NatsSnapshotStore.create({ servers, bucket: `exact-${randomUUID()}`, setup: true }),
    }
  },
}

describe.each(Object.entries(backends))('on %s', (_name, create) => {
  test.each([999_999_999_999_999_999n, 2n ** 53n + 1n, 2n ** 63n, MAX])(
    'the amount %s survives storage, snapshot and respawn',
    async (amount) => {
      const { evtLog, snapshotStore } = await create()
      const id = randomUUID()
      const domain = { ...counter, snapshot: snapshotEvery(1) }
      const spawn = (store: SnapshotStore) =>
        Entity.spawn(id, domain, { evtLog, snapshotStore: store, binarizer: counterBinarizer })
      const evts = [
        { type: 'Increased', oldValue: 0n, inc: amount },
        { type: 'Decreased', oldValue: amount, dec: amount },
        { type: 'Increased', oldValue: 0n, inc: amount },
      ]

      const first = await spawn(snapshotStore)
      expect(await first.handleCmd({ type: 'Inc', inc: amount })).toMatchObject({ reply: amount, evts: [evts[0]] })
      expect(await first.handleCmd({ type: 'Dec', dec: amount })).toMatchObject({ reply: 0n, evts: [evts[1]] })
      expect(await first.handleCmd({ type: 'Inc', inc: amount })).toMatchObject({ reply: amount, evts: [evts[2]] })
      await first.stop()

      const stored = []
      for await (const evt of evtLog.evtsById({ typeName: 'counter', id })) stored.push(counterBinarizer.decodeEvt(evt))
      expect(stored).toEqual(evts)
      const snapshot = await snapshotStore.load({ typeName: 'counter', id })
      expect(snapshot?.seqNo).toBe(3)

      for (const store of [snapshotStore, new NoopSnapshotStore()]) {
        const again = await spawn(store)
        expect(await again.handleCmd({ type: 'Dec', dec: 0n })).toMatchObject({ reply: amount, seqNo: 3 })
        await again.stop()
      }
      await Promise.all([evtLog.close(), snapshotStore.close()])
    },
  )
})
