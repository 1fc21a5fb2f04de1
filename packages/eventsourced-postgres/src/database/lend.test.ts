import { startTcpProxy } from 'eventsourced-tools'
import { testPostgres } from 'eventsourced-tools/vitest'
import { expect, test } from 'vitest'
import { backends, newKey, terminate, until, withClient } from '../fixture.test.helper.js'
import { PostgresSnapshotStore } from '../index.js'

test('a connection that is lost as it is made does not end the process, and another one is made', async () => {
  const connection = await testPostgres()
  await (await PostgresSnapshotStore.create({ connection, setup: true })).close()
  const proxy = await startTcpProxy(connection)
  // The server's greeting and its goodbye arrive as one.
  proxy.rule((_, direction) => (direction === 'answer' ? 'hold' : 'pass'))
  const opening = PostgresSnapshotStore.create({ connection: { ...connection, port: proxy.port } })
  await withClient(connection, async (admin) => {
    await until('it is connected', async () => (await backends(admin, "state = 'idle'")) === 1)
    expect(await terminate(admin, "state = 'idle'")).toBe(1)
    await until('it is gone', async () => (await backends(admin, 'true')) === 0)
  })
  proxy.rule()
  const store = await opening.catch(() => PostgresSnapshotStore.create({ connection }))
  expect(await store.load(newKey())).toBeUndefined()
  await store.close()
  await proxy.close()
})
