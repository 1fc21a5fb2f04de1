import type { PostgresConnection } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { Pool } from 'pg'
import { expect, test } from 'vitest'
import { collect, newAppend, newEvt, newKey, ZERO } from '../fixture.test.helper.js'
import { PostgresEvtLog } from '../index.js'

/** The log's statements as both kinds of clients take them. */
test.each([false, true])(
  'appends, conflicts and reads are alike on a pool whose clients pipeline: %s',
  async (pipeline) => {
    const connection: PostgresConnection = await testPostgres()
    const pool = new Pool({ ...connection, pipeline })
    const log = await PostgresEvtLog.create({ pool, setup: true })
    const client = await pool.connect()
    expect('pipeline' in client && client.pipeline).toBe(pipeline)
    client.release()
    const evt = newEvt({ bytes: Buffer.from([0, 1, 127, 128, 255]), metadata: { by: 'teller’s \\ "hand"' } })
    const appends = Array.from({ length: 20 }, () => newAppend(newKey(), ZERO, evt))
    const [lone, ...together] = appends
    if (lone === undefined) throw new Error('there are appends')
    await log.persist(lone)
    await Promise.all(together.map((append) => log.persist(append)))
    await expect(log.persist(newAppend(lone.key))).rejects.toMatchObject({ code: 'CONFLICT' })
    const conflicts = await Promise.allSettled(together.map(({ key }) => log.persist(newAppend(key))))
    expect(new Set(conflicts.map(({ status }) => status))).toEqual(new Set(['rejected']))
    const evts = await collect(log.evtsByType('counter'))
    expect(evts.map(({ key }) => key.id).sort()).toEqual(appends.map(({ key }) => key.id).sort())
    for (const { bytes, metadata } of evts) {
      expect(Buffer.from(bytes).equals(evt.bytes)).toBe(true)
      expect(metadata).toEqual(evt.metadata)
    }
    await log.close()
    await pool.end()
  },
)
