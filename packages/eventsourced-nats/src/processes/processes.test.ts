import { startNatsServer } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { expect, test, type TestContext } from 'vitest'
import { type ProjectingWorld, projectingWorld } from './world.test.helper.js'

const LEASE_TTL_MS = 2_000

// The tests run at once: each has its own way to hear of its end.
type Context = Pick<TestContext, 'onTestFinished'>

async function newWorld({ onTestFinished }: Context, servers = testNats()): Promise<ProjectingWorld> {
  const world = await projectingWorld(servers, LEASE_TTL_MS)
  onTestFinished(() => world.end())
  return world
}

test.concurrent('slices are taken over at once from a process that stops, and nothing is applied twice', async (context) => {
  const world = await newWorld(context)
  const first = await world.start()
  const second = await world.start()
  await world.settled()
  await world.appliesMore(100)
  await world.stop(first)
  expect(await world.settled()).toBeLessThan(LEASE_TTL_MS / 2)
  await world.appliesMore(50)
  const { again, applied } = await world.finish()
  expect(again).toBe(0)
  expect(new Set(applied.map(({ owner }) => owner))).toEqual(new Set([first.name, second.name]))
})

test.concurrent('slices are taken over from a process that is killed once their lease has ended', async (context) => {
  const world = await newWorld(context)
  const first = await world.start()
  await world.start()
  await world.settled()
  await world.appliesMore(100)
  await world.kill(first)
  expect(await world.settled()).toBeLessThan(LEASE_TTL_MS + 2_000)
  await world.appliesMore(50)
  await world.finish()
})

test.concurrent('a process that is paused past its lease and goes on moves no offset back, and takes part again', async (context) => {
  const world = await newWorld(context)
  const first = await world.start()
  await world.start()
  await world.settled()
  await world.appliesMore(50)
  first.pause()
  expect(await world.settled()).toBeLessThan(LEASE_TTL_MS + 2_000)
  await world.appliesMore(50)
  first.goOn()
  await world.settled()
  await world.appliesMore(50)
  await world.finish()
})

test.concurrent('when the server is killed and comes back the processes go on', async (context) => {
  const server = await startNatsServer()
  context.onTestFinished(() => server.stop())
  const world = await newWorld(context, server.url)
  await world.start()
  await world.start()
  await world.settled()
  await world.appliesMore(50)
  await server.kill()
  await server.start()
  await world.appliesMore(50)
  await world.settled()
  expect((await world.finish()).applied.length).toBeGreaterThan(100)
})
