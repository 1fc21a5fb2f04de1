import {
  type GroupView,
  InvalidInputError,
  type Lease,
  type LeaseStore,
  RefusedError,
  type Renewed,
  UnavailableError,
} from 'eventsourced'
import { checkText } from '../config/fields.js'
import { type Bucket, look, type Put, purge, read, swap } from '../kv/bucket.js'
import { type ConnectedBucket, connectBucket } from '../kv/connect-bucket.js'
import { watchKey } from '../kv/watch-key.js'
import { backOff } from '../wire/back-off.js'
import { Work } from '../wire/work.js'
import { checkLeaseStoreConfig, type NatsLeaseStoreConfig } from './config.js'
import { allMembers, leasesKey, memberAt, memberKey } from './lease-keys.js'
import { decodeLeases, encodeLeases, type Held, neverHeld } from './leases-value.js'

/** How often a group's leases are looked at anew when others change them at the same time. */
const ATTEMPTS = 20
const ALIVE = Buffer.from('{"format":1}')

/** A member's last heartbeat that was answered. */
interface Beat {
  /** That of the member's key; undefined if another heartbeat may have replaced it, whose answer did not come. */
  readonly revision: number | undefined
  /** When it was answered, by `performance.now()`. */
  readonly at: number
}

/** The leases of a group, as they are stored. */
interface Stored {
  readonly revision: number
  readonly leases: readonly Held[]
}

/**
 * Leases in a JetStream key-value bucket. A member is a key that the server itself removes once its time is over; a heartbeat replaces it, if it is still
 * there. One more key of each group holds the epochs and owners of all its slices, which are changed by compare-and-swap. It must never be deleted: epochs would
 * begin anew.
 *
 * @example
 * const leases = await NatsLeaseStore.create({ servers: 'localhost:4222', bucket: 'projections', setup: true })
 */
export class NatsLeaseStore implements LeaseStore {
  readonly ttlMs: number
  readonly #connected: ConnectedBucket
  readonly #bucket: Bucket
  /** The last heartbeat that was answered of each member of this process. */
  readonly #beats = new Map<string, Beat>()
  readonly #work = new Work()
  #closing: Promise<void> | undefined

  private constructor(connected: ConnectedBucket, ttlMs: number) {
    this.#connected = connected
    this.#bucket = connected.bucket
    this.ttlMs = ttlMs
  }

  /**
   * Opens a store on a connection handed in, or on one of its own, and checks the server and the bucket.
   *
   * @throws {InvalidInputError} naming the setting that is wrong, be it one of the configuration, of the server or of the bucket
   * @throws {UnavailableError} if the server can't be reached
   * @throws {RefusedError} with the reason `forbidden` if the server does not let us
   */
  static async create(config: NatsLeaseStoreConfig): Promise<NatsLeaseStore> {
    const { ttlMs, ...checked } = checkLeaseStoreConfig(config)
    return new NatsLeaseStore(
      await connectBucket(config, checked, { description: 'eventsourced: leases', expires: true }),
      ttlMs,
    )
  }

  join(group: string, member: string): Promise<GroupView> {
    return this.#do(group, async () => {
      const key = memberKey(group, checkText('member', member))
      const revision = await swap(this.#bucket, this.#alive(key), 0)
      if (revision === undefined) {
        throw new InvalidInputError('member', member, 'a name that was never used before')
      }
      this.#beats.set(key, { revision, at: performance.now() })
      await this.#tell(group)
      return this.#view(group, revision)
    })
  }

  renew(group: string, member: string): Promise<Renewed> {
    return this.#do(group, async () => {
      const revision = await this.#beat(memberKey(group, member))
      if (revision === undefined) return { kind: 'expired' }
      const view = await this.#view(group, revision)
      return view.members.includes(member) ? { kind: 'live', view } : { kind: 'expired' }
    })
  }

  take(group: string, member: string, seen: readonly Lease[]): Promise<readonly Lease[]> {
    return this.#do(group, async () => {
      const taken = await this.#change(group, async (leases) => {
        const free = await this.#freeFor(group, member, leases, seen)
        return new Map(free.map((slice) => [slice, { epoch: (leases[slice]?.epoch ?? 0) + 1, owner: member }]))
      })
      return [...taken].map(([slice, lease]) => ({ slice, ...lease }))
    })
  }

  release(group: string, member: string, slices: readonly number[]): Promise<void> {
    return this.#do(group, async () => {
      await this.#free(group, member, (slice) => slices.includes(slice))
    })
  }

  leave(group: string, member: string): Promise<void> {
    return this.#do(group, async () => {
      const key = memberKey(group, member)
      this.#beats.delete(key)
      await purge(this.#bucket, key)
      const freed = await this.#free(group, member, () => true)
      if (freed === 0) await this.#tell(group)
    })
  }

  view(group: string): Promise<GroupView> {
    return this.#do(group, () => this.#view(group))
  }

  watch(group: string, onChange: () => void): { readonly stop: () => void } {
    return watchKey(this.#connected.connection, this.#bucket, leasesKey(checkText('group', group)), onChange)
  }

  /** Finishes what was accepted and refuses what comes later. A connection handed in stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#work.finished().then(() => this.#connected.close())
    return this.#closing
  }

  /**
   * Replaces a member's key, if it is there. Never writes one anew, so that a member whose time is over stays dead, however late its heartbeat comes.
   *
   * @returns undefined if it has expired
   */
  async #beat(key: string): Promise<number | undefined> {
    if (this.#isOver(key)) {
      // A server that was down meanwhile may still have it, or have it again.
      await purge(this.#bucket, key)
      this.#beats.delete(key)
      return undefined
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = this.#beats.get(key)
      const last = before?.revision ?? (await read(this.#bucket, key))?.seq
      if (last === undefined) {
        this.#beats.delete(key)
        return undefined
      }
      if (before !== undefined) this.#beats.set(key, { ...before, revision: undefined })
      const revision = await swap(this.#bucket, this.#alive(key), last)
      if (revision === undefined) continue
      this.#beats.set(key, { revision, at: performance.now() })
      return revision
    }
    throw new UnavailableError(`the key ${key} changes again and again: is the member's name used twice?`)
  }

  /** Whether a member's time is over by our own clock: it began before its heartbeat was answered. */
  #isOver(key: string): boolean {
    const beat = this.#beats.get(key)
    return beat !== undefined && performance.now() > beat.at + this.ttlMs
  }

  #alive(key: string): Put {
    return { key, data: ALIVE, what: key, ttl: this.ttlMs / 1_000 }
  }

  /** Which of the slices seen are free, for a member that lives. */
  async #freeFor(group: string, member: string, leases: readonly Held[], seen: readonly Lease[]): Promise<number[]> {
    const candidates = seen.filter(({ slice, epoch }) => leases[slice]?.epoch === epoch).map(({ slice }) => slice)
    const ownerOf = (slice: number) => leases[slice]?.owner
    // Whoever owns a slice had joined before: so the members are looked at after the leases.
    const { keys: found, revision } = await look(this.#bucket, allMembers(group))
    const members = new Set(found.map(memberAt))
    const dead = new Set(candidates.flatMap((slice) => ownerOf(slice) ?? []).filter((owner) => !members.has(owner)))
    for (const owner of dead) {
      // The server that leads the bucket next may not have removed it yet, and would take its heartbeat: from now on none does.
      await purge(this.#bucket, memberKey(group, owner), revision)
    }
    const live = dead.size === 0 ? members : new Set(await this.#members(group, revision))
    if (!live.has(member)) return []
    return candidates.filter((slice) => {
      const owner = ownerOf(slice)
      return owner === undefined || !live.has(owner)
    })
  }

  /** @returns how many slices were freed */
  async #free(group: string, member: string, isMeant: (slice: number) => boolean): Promise<number> {
    const freed = await this.#change(group, async (leases) => {
      const own = [...leases.entries()].filter(([slice, { owner }]) => owner === member && isMeant(slice))
      return new Map(own.map(([slice, { epoch }]) => [slice, { epoch, owner: undefined }]))
    })
    return freed.size
  }

  /** Changes a group's leases, whoever else does meanwhile. @returns what was changed */
  async #change<Changed extends Held>(
    group: string,
    decide: (leases: readonly Held[]) => Promise<ReadonlyMap<number, Changed>>,
  ): Promise<ReadonlyMap<number, Changed>> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await this.#stored(group)
      const changed = await decide(stored.leases)
      if (changed.size === 0) return changed
      const leases = stored.leases.map((held, slice) => changed.get(slice) ?? held)
      if (await this.#put(group, { ...stored, leases })) return changed
      await backOff(Math.min(attempt, 3))
    }
    throw new UnavailableError(`others have changed the leases of ${group} ${ATTEMPTS} times meanwhile`)
  }

  /** Has those who watch the group look at it. Whoever comes in between has done so. */
  async #tell(group: string): Promise<void> {
    await this.#put(group, await this.#stored(group))
  }

  async #put(group: string, { revision, leases }: Stored): Promise<boolean> {
    const put = { key: leasesKey(group), data: encodeLeases(leases), what: `the leases of ${group}` }
    return (await swap(this.#bucket, put, revision)) !== undefined
  }

  async #stored(group: string): Promise<Stored> {
    const key = leasesKey(group)
    const msg = await read(this.#bucket, key)
    if (msg === undefined) return { revision: 0, leases: neverHeld() }
    const leases = decodeLeases(msg.data)
    if (leases !== undefined) return { revision: msg.seq, leases }
    throw new RefusedError(
      'bad-input',
      `the value of ${key} in the bucket ${this.#bucket.name} is not what this code writes, or is deleted: put the last one there again`,
    )
  }

  async #members(group: string, atLeast?: number): Promise<string[]> {
    return (await look(this.#bucket, allMembers(group), atLeast)).keys.map(memberAt)
  }

  async #view(group: string, atLeast?: number): Promise<GroupView> {
    const { leases } = await this.#stored(group)
    const members = await this.#members(group, atLeast)
    const live = new Set(members)
    return {
      members,
      leases: leases.map(({ epoch, owner }, slice) => ({
        slice,
        epoch,
        owner: owner !== undefined && live.has(owner) ? owner : undefined,
      })),
    }
  }

  async #do<Result>(group: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new RefusedError('closed', 'the lease store is closed')
    checkText('group', group)
    return this.#work.do(work)
  }
}
