import { startNatsCluster } from 'eventsourced-tools'
import { connect } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { closing, failureOf, newAppend, newEvt, newKey, newStream, textOf, texts } from '../evt-log.test.fixture.js'
import { isCurrent, leaderOf, openClusterLog, startWriters } from './cluster.test.fixture.js'

test('a leader cut off from the majority: the majority goes on, and what its own clients sent meanwhile is stored once or conflicts', async () => {
  const cluster = await startNatsCluster({ proxied: true })
  onTestFinished(() => cluster.stop())
  const connectTo = (name: string) =>
    closing(connect({ servers: cluster.server(name).url, ignoreClusterUpdates: true, maxReconnectAttempts: -1 }))
  const stream = newStream()
  await openClusterLog({ servers: [...cluster.urls] }, stream)
  const minority = await leaderOf(await connectTo('n1'), stream)
  const majority = minority === 'n2' ? 'n3' : 'n2'
  const connections = { minority: await connectTo(minority), majority: await connectTo(majority) }
  const logs = {
    minority: await openClusterLog({ connection: connections.minority }, stream),
    majority: await openClusterLog({ connection: connections.majority }, stream),
  }
  const keys = {
    minority: Array.from({ length: 5 }, () => newKey()),
    majority: Array.from({ length: 5 }, () => newKey()),
  }
  const writers = {
    minority: startWriters(logs.minority, keys.minority),
    majority: startWriters(logs.majority, keys.majority),
  }
  const claimed = newKey()
  const first = newAppend(claimed)
  const { head } = await logs.majority.persist(first)
  await writers.minority.goOn()
  await writers.majority.goOn()
  await isCurrent(connections.majority, stream)

  await cluster.cutOff(minority)
  const lost = newAppend(claimed, head)
  const losing = failureOf(logs.minority.persist(lost))
  await leaderOf(connections.majority, stream, minority)
  const won = newAppend(claimed, head, [[newEvt(), newEvt()]])
  await logs.majority.persist(won)
  await writers.majority.goOn()

  await cluster.heal(minority)
  expect(await losing).toMatchObject({ code: 'CONFLICT' })
  await writers.minority.goOn()
  await writers.majority.goOn()
  await isCurrent(connections.majority, stream)
  await writers.minority.stop()
  await writers.majority.stop()
  for (const log of Object.values(logs)) {
    expect(await texts(log, claimed)).toEqual([first, won].flatMap(({ groups }) => groups.flat().map(textOf)))
  }
  for (const key of keys.minority) expect(await texts(logs.majority, key)).toEqual(writers.minority.sent.get(key.id))
  for (const key of keys.majority) expect(await texts(logs.minority, key)).toEqual(writers.majority.sent.get(key.id))
}, 120_000)
