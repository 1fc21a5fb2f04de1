import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { connected, created, newName } from './counters.test.fixture.js'
import type { Counters, CounterSource } from './index.js'

/** A stream that counts on its own name's subjects, and adds up what its sources have counted under theirs. */
async function counting(
  connection: NatsConnection,
  stream: string,
  sources: readonly string[] = [],
): Promise<Counters> {
  const from = sources.map(
    (source): CounterSource => ({ stream: source, subjects: { [`${source}.>`]: `${stream}.>` } }),
  )
  return created(connection, { stream, subjects: [`${stream}.>`], sources: from })
}

async function levels(...names: readonly string[]) {
  const connection = await connected()
  const id = newName()
  return { connection, names: names.map((name) => `${id}-${name}`) }
}

/** Waits until a counter has a value, and answers with what each source gave, by stream and subject. */
async function contributions(counters: Counters, subject: string, value: bigint): Promise<Record<string, bigint>> {
  await expect.poll(() => counters.load(subject).catch(() => undefined), { interval: 10, timeout: 10_000 }).toBe(value)
  const { sources } = await counters.get(subject)
  const all = [...sources].flatMap(([stream, subjects]) =>
    [...subjects].map(([name, contributed]) => [`${stream}/${name}`, contributed] as const),
  )
  return Object.fromEntries(all)
}

test('over one level contributions are kept by source, with resets, beside what is added there itself', async () => {
  const { connection, names } = await levels('eu', 'us', 'global')
  const [eu = '', us = '', global = ''] = names
  const [inEu, inUs] = [await counting(connection, eu), await counting(connection, us)]
  const everywhere = await counting(connection, global, [eu, us])

  await inEu.add(`${eu}.visits`, 100)
  await inUs.add(`${us}.visits`, 50)
  await inUs.add(`${us}.visits`, -8)
  expect(await contributions(everywhere, `${global}.visits`, 142n)).toEqual({
    [`${eu}/${eu}.visits`]: 100n,
    [`${us}/${us}.visits`]: 42n,
  })

  await everywhere.add(`${global}.visits`, 1_000)
  expect(await inEu.reset(`${eu}.visits`)).toBe(100n)
  expect(await contributions(everywhere, `${global}.visits`, 1_042n)).toEqual({
    [`${eu}/${eu}.visits`]: 0n,
    [`${us}/${us}.visits`]: 42n,
  })

  await inEu.add(`${eu}.visits`, 3)
  expect(await contributions(everywhere, `${global}.visits`, 1_045n)).toEqual({
    [`${eu}/${eu}.visits`]: 3n,
    [`${us}/${us}.visits`]: 42n,
  })
})

test('several counters of a source may count for one', async () => {
  const { connection, names } = await levels('shops', 'total')
  const [shops = '', total = ''] = names
  const inShops = await created(connection, { stream: shops, subjects: [`${shops}.*`] })
  const inAll = await created(connection, {
    stream: total,
    sources: [{ stream: shops, subjects: { [`${shops}.*`]: `${total}.sales` } }],
  })
  await inShops.add(`${shops}.a`, 1)
  await inShops.add(`${shops}.b`, 20)
  await inShops.add(`${shops}.c`, 300)
  expect(await contributions(inAll, `${total}.sales`, 321n)).toEqual({
    [`${shops}/${shops}.a`]: 1n,
    [`${shops}/${shops}.b`]: 20n,
    [`${shops}/${shops}.c`]: 300n,
  })
  await expect(inAll.add(`${total}.sales`, 1)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('over two levels each tells what its own sources gave', async () => {
  const { connection, names } = await levels('paris', 'berlin', 'eu', 'us', 'global')
  const [paris = '', berlin = '', eu = '', us = '', global = ''] = names
  const [inParis, inBerlin, inUs] = [
    await counting(connection, paris),
    await counting(connection, berlin),
    await counting(connection, us),
  ]
  const inEu = await counting(connection, eu, [paris, berlin])
  const everywhere = await counting(connection, global, [eu, us])

  await inParis.add(`${paris}.visits`, 1)
  await inBerlin.add(`${berlin}.visits`, 20)
  await inUs.add(`${us}.visits`, 300)
  expect(await contributions(everywhere, `${global}.visits`, 321n)).toEqual({
    [`${eu}/${eu}.visits`]: 21n,
    [`${us}/${us}.visits`]: 300n,
  })
  expect(await contributions(inEu, `${eu}.visits`, 21n)).toEqual({
    [`${paris}/${paris}.visits`]: 1n,
    [`${berlin}/${berlin}.visits`]: 20n,
  })
})

test('over three levels sums arrive at the top, with resets below and many adds at once', async () => {
  const { connection, names } = await levels('shop', 'city', 'country', 'world')
  const [shop = '', city = '', country = '', world = ''] = names
  const inShop = await counting(connection, shop)
  const inCity = await counting(connection, city, [shop])
  const inCountry = await counting(connection, country, [city])
  const inWorld = await counting(connection, world, [country])

  const adding = Array.from({ length: 200 }, () => inShop.increment(`${shop}.sales`))
  await Promise.all([...adding, inCity.add(`${city}.sales`, 10), inCountry.add(`${country}.sales`, 1_000)])
  expect(await contributions(inWorld, `${world}.sales`, 1_210n)).toEqual({ [`${country}/${country}.sales`]: 1_210n })
  expect(await contributions(inCountry, `${country}.sales`, 1_210n)).toEqual({ [`${city}/${city}.sales`]: 210n })
  expect(await contributions(inCity, `${city}.sales`, 210n)).toEqual({ [`${shop}/${shop}.sales`]: 200n })

  await inShop.reset(`${shop}.sales`)
  expect(await contributions(inWorld, `${world}.sales`, 1_010n)).toEqual({ [`${country}/${country}.sales`]: 1_010n })
})

test('an add is sourced once though its answer was asked for twice, and ids of two sources never meet', async () => {
  const { connection, names } = await levels('eu', 'us', 'global')
  const [eu = '', us = '', global = ''] = names
  const [inEu, inUs] = [await counting(connection, eu), await counting(connection, us)]
  const everywhere = await counting(connection, global, [eu, us])
  for (let time = 0; time < 2; time++) {
    await inEu.add(`${eu}.visits`, 5, { id: '1' })
    await inUs.add(`${us}.visits`, 7, { id: '1' })
  }
  await contributions(everywhere, `${global}.visits`, 12n)
  expect(await everywhere.add(`${global}.visits`, 100, { id: '1' })).toBe(112n)
  expect((await everywhere.get(`${global}.visits`)).id).toBe('1')
  await inEu.add(`${eu}.visits`, 1, { id: '2' })
  await contributions(everywhere, `${global}.visits`, 113n)
  expect((await everywhere.get(`${global}.visits`)).id).toBeUndefined()
})
