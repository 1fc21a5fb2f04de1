import { startNatsServer } from 'eventsourced-tools'
import { expect, onTestFinished, test } from 'vitest'
import { connected } from './counters.test.fixture.js'
import { Counters } from './index.js'

// As docs/counters.md shows it: on a server of its own, since the names there are not for sharing.
test('two regions are added up in a global stream, with a breakdown by region', async () => {
  const server = await startNatsServer()
  onTestFinished(() => server.stop())
  const connection = await connected(server.url)

  const eu = await Counters.create(connection, { stream: 'EU', subjects: ['eu.>'] })
  const us = await Counters.create(connection, { stream: 'US', subjects: ['us.>'] })
  const all = await Counters.create(connection, {
    stream: 'GLOBAL',
    sources: [
      { stream: 'EU', subjects: { 'eu.>': 'global.>' } },
      { stream: 'US', subjects: { 'us.>': 'global.>' } },
    ],
  })
  onTestFinished(async () => {
    for (const counters of [eu, us, all]) await counters.close()
  })

  await eu.add('eu.visits', 100)
  await us.add('us.visits', 42)

  const stop = new AbortController()
  for await (const { value } of all.watch('global.visits', { after: 0, signal: stop.signal })) {
    if (value === 142n) break
  }
  const { value, sources } = await all.get('global.visits')
  const lines = [`visits everywhere: ${value}`]
  for (const [stream, subjects] of sources) {
    for (const [subject, contributed] of subjects) lines.push(`  ${contributed} from ${stream} (${subject})`)
  }
  expect(lines.toSorted()).toEqual(['  100 from EU (eu.visits)', '  42 from US (us.visits)', 'visits everywhere: 142'])

  await eu.reset('eu.visits')
  await expect.poll(() => all.load('global.visits'), { interval: 10 }).toBe(42n)
})
