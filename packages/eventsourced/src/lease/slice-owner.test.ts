import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { UnavailableError } from '../errors.js'
import { FaultyLeaseStore } from '../testing/faulty-lease-store.js'
import { MemoryLeaseStore } from './memory-lease-store.js'
import { type HeldSlice, SliceOwner, type SliceUser } from './slice-owner.js'

const TTL_MS = 600

/** What all members of a group are told, in the order in which they hear it. */
class Book {
  readonly entries: {
    readonly member: string
    readonly what: 'gained' | 'lost'
    readonly slice: number
    readonly epoch: number
  }[] = []
  readonly holders = new Map<number, string>()
  /** Slices that somebody gained while another still had them. */
  readonly doubles: number[] = []

  gained(member: string, { slice, epoch }: HeldSlice): void {
    const holder = this.holders.get(slice)
    // In a callback of the runtime's loop, where a failure is logged at best: it is told again in the end.
    if (holder !== undefined && holder !== member) this.doubles.push(slice)
    this.holders.set(slice, member)
    this.entries.push({ member, what: 'gained', slice, epoch })
  }

  lost(member: string, slice: number): void {
    if (this.holders.get(slice) === member) this.holders.delete(slice)
    this.entries.push({ member, what: 'lost', slice, epoch: 0 })
  }

  of(member: string): number {
    return [...this.holders.values()].filter((holder) => holder === member).length
  }
}

class Member implements SliceUser {
  readonly name: string
  readonly leases: FaultyLeaseStore
  readonly owner: SliceOwner
  skew = 0
  /** What handing over waits for. */
  inFlight: Promise<void> = Promise.resolve()
  readonly expired = new Set<number>()
  readonly #book: Book

  constructor(name: string, book: Book, leases: MemoryLeaseStore) {
    this.name = name
    this.#book = book
    this.leases = new FaultyLeaseStore(leases)
    const clock = () => performance.now() + this.skew
    this.owner = new SliceOwner({ leases: this.leases, group: 'g', user: this, clock })
  }

  gained(slices: readonly HeldSlice[]): void {
    for (const one of slices) this.#book.gained(this.name, one)
  }

  async lost(slices: readonly number[], how: 'handed-over' | 'expired'): Promise<void> {
    if (how === 'handed-over') await this.inFlight
    else for (const slice of slices) this.expired.add(slice)
    for (const slice of slices) this.#book.lost(this.name, slice)
  }
}

let leases: MemoryLeaseStore
let book: Book
let members: Member[]
beforeEach(() => {
  leases = new MemoryLeaseStore({ ttlMs: TTL_MS })
  book = new Book()
  members = []
})
afterEach(async () => {
  for (const { owner, leases: faulty } of members) {
    faulty.faults.clear()
    await owner.stop()
  }
  if (book.doubles.length > 0) throw new Error(`slices with two holders: ${book.doubles.join(', ')}`)
})

function join(name: string): Member {
  const member = new Member(name, book, leases)
  members.push(member)
  return member
}

const shares = () => members.map(({ name }) => book.of(name)).sort((left, right) => left - right)
const expectShares = (expected: readonly number[]) =>
  expect.poll(shares, { timeout: 10_000, interval: 10 }).toEqual(expected)
const cutOff = { when: 'before', error: new UnavailableError('cut off') } as const

test('slices are spread evenly over those who join and leave, and never have two holders', async () => {
  const first = join('A')
  await expectShares([64])
  join('B')
  await expectShares([32, 32])
  join('C')
  await expect.poll(() => Math.max(...shares()), { timeout: 10_000 }).toBe(22)
  await expect.poll(() => book.holders.size, { timeout: 10_000 }).toBe(64)
  await first.owner.stop()
  await expectShares([0, 32, 32])
})

test('twelve members that come at once share the slices, each no more than its part', async () => {
  for (let number = 0; number < 12; number++) join(`M${number}`)
  const isFair = () => book.holders.size === 64 && Math.max(...shares()) <= 6
  await expect.poll(isFair, { timeout: 20_000 }).toBe(true)
})

test('epochs grow with each change of ownership', async () => {
  const first = join('A')
  await expectShares([64])
  await first.owner.stop()
  join('B')
  await expectShares([0, 64])
  const gained = book.entries.filter(({ what, slice }) => what === 'gained' && slice === 7)
  const epochs = gained.map(({ epoch }) => epoch)
  expect(epochs).toEqual(epochs.toSorted((left, right) => left - right))
  expect(gained.at(-1)?.epoch).toBeGreaterThan(gained[0]?.epoch ?? 0)
})

test('who stops ends what is in flight before another gets its slices', async () => {
  const first = join('A')
  await expectShares([64])
  join('B')
  let end = () => {}
  first.inFlight = new Promise((resolve) => {
    end = resolve
  })
  const stopped = first.owner.stop()
  let isStopped = false
  void stopped.then(() => {
    isStopped = true
    return isStopped
  })
  // Longer than a lease: its heart beats on while it ends its work.
  await expect.poll(() => first.leases.faults.count('renew'), { timeout: 10_000 }).toBeGreaterThan(12)
  expect(isStopped).toBe(false)
  expect(book.of('B')).toBeLessThanOrEqual(32)
  end()
  await stopped
  await expectShares([0, 64])
})

test('who is cut off from the store notices before another gets its slices, and joins anew when it comes back', async () => {
  const first = join('A')
  await expectShares([64])
  first.leases.faults.fail('renew', cutOff, 1_000)
  first.leases.faults.fail('join', cutOff, 1_000)
  join('B')
  await expectShares([0, 64])
  first.leases.faults.clear()
  await expectShares([32, 32])
})

test('who is cut off while it hands slices over loses those, too, and has nobody think that they are its when it comes back', async () => {
  const first = join('A')
  await expectShares([64])
  let end = () => {}
  first.inFlight = new Promise((resolve) => {
    end = resolve
  })
  join('B')
  // None is free before it is handed over.
  await expect.poll(() => book.of('B') === 0 && first.leases.faults.count('renew') > 3).toBe(true)
  first.leases.faults.cutOff(cutOff.error)
  await expect.poll(() => book.of('B'), { timeout: 10_000 }).toBe(64)
  expect(first.expired.size).toBe(64)
  first.leases.faults.clear()
  await expectShares([32, 32])
  end()
})

test('a store whose changes can not be watched is looked at every so often', async () => {
  const first = join('A')
  vi.spyOn(leases, 'watch').mockImplementation(() => {
    throw new UnavailableError('no')
  })
  join('B')
  await expectShares([32, 32])
  await first.owner.stop()
  await expectShares([0, 64])
})

test('who was paused for longer than its lease knows it at once by its own clock', async () => {
  const first = join('A')
  await expectShares([64])
  expect(first.owner.epochOf(3)).toBe(1)
  first.skew = TTL_MS
  expect(first.owner.epochOf(3)).toBeUndefined()
})

test('an answer that is lost costs no slice', async () => {
  const first = join('A')
  first.leases.faults.fail('take', { when: 'after', error: new UnavailableError('the answer was lost') })
  await expectShares([64])
  const second = join('B')
  second.leases.faults.fail('join', { when: 'after', error: new UnavailableError('the answer was lost') })
  first.leases.faults.fail('release', { when: 'after', error: new UnavailableError('the answer was lost') })
  await expectShares([32, 32])
})
