import type { InstanceAwareCounter } from '../counters/instance-aware-counter.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { asError, EventSourcedError, InvalidInputError } from '../errors.js'
import { type EntityKey, entityKey } from '../log/entity-key.js'
import { MAX_TIMER } from '../max-timer.js'
import { checkPart } from './check-fields.js'
import type { Envelope } from './envelope.js'
import { forget } from './forget.js'
import { LiveCount, type LiveEntities } from './live-count.js'
import { Mailbox } from './mailbox.js'
import { type EntityOptions, type EntityType, entityType } from './options.js'
import { recover } from './recover.js'
import { type EntityRef, type Receiver, Ref } from './ref.js'
import { RunningEntity } from './running-entity.js'
import type { Snapshotter } from './snapshot.js'
import { Turns } from './turns.js'

/** What the entities of a type run on, and how many at once. */
export interface EntitiesOptions<Evt, State> extends EntityOptions<Evt, State> {
  /** How many entities may be live; beyond it the least recently used are passivated. 10,000 by default. */
  readonly maxLive?: number
  /** After how long without a command an entity is passivated, in milliseconds; 300,000 by default, `Infinity` for never. */
  readonly idleTimeout?: number
  /** How many entities may recover at once, be it for their first command or after a failure, in the order in which they had to; 128 by default. */
  readonly maxRecoveries?: number
  /**
   * Has all processes with such a counter, of one namespace, know how many entities are live over all of them: see `liveEverywhere()`. One
   * counter serves any number of types, but one `Entities` of each. It is the caller's to close, after `stop()`.
   */
  readonly liveCounter?: InstanceAwareCounter
}

/** An entity that is live, or on its way in or out. Commands that come meanwhile wait here. */
interface Resident<Cmd, Evt, State> {
  readonly key: EntityKey
  /** Set while it is live. */
  entity: RunningEntity<Cmd, Evt, State> | undefined
  /** Set while it is not: ends with the next step. */
  moving: Promise<void> | undefined
  waiting: Mailbox<Cmd, Evt> | undefined
  /** Saves what was due when the entity was last live. The next one doesn't wait for it but goes on with it: of two, both would save. */
  snapshotter: Snapshotter<Cmd, Evt, State> | undefined
  lastUsed: number
}

/**
 * The entities of a type in this process: spawned by their first command, passivated when idle or when there are too many. No command is
 * lost on the way: one that comes while its entity is on its way out is handled by the next one.
 *
 * @example
 * const counters = new Entities(counter, { evtLog, snapshotStore, binarizer, maxLive: 50_000 })
 * await counters.ref(id).handleCmd({ type: 'Inc', inc: 1n })
 * await counters.stop()
 */
export class Entities<Cmd, Evt, State> {
  readonly #type: EntityType<Cmd, Evt, State>
  readonly #maxLive: number
  readonly #idleTimeout: number
  /** By id, the least recently used first. */
  readonly #residents = new Map<string, Resident<Cmd, Evt, State>>()
  #live = 0
  readonly #liveCount: LiveCount | undefined
  readonly #idleTimer: NodeJS.Timeout | undefined
  #stopped: Promise<void> | undefined

  /** @throws {InvalidInputError} if an option is wrong */
  constructor(domain: EventSourced<Cmd, Evt, State>, options: EntitiesOptions<Evt, State>) {
    const type = entityType(domain, options, ['maxLive', 'idleTimeout', 'maxRecoveries', 'liveCounter'])
    const { maxLive = 10_000, idleTimeout = 300_000, maxRecoveries = 128, liveCounter } = options
    this.#type = { ...type, recoveries: new Turns(positive('maxRecoveries', maxRecoveries)) }
    this.#maxLive = positive('maxLive', maxLive)
    this.#idleTimeout = idleTimeout === Infinity ? idleTimeout : positive('idleTimeout', idleTimeout)
    if (liveCounter !== undefined) {
      checkPart('options.liveCounter', liveCounter, ['setOnInstance', 'getByInstance'])
      this.#liveCount = new LiveCount(liveCounter, domain.typeName, options.logger)
    }
    if (idleTimeout !== Infinity) {
      this.#idleTimer = setInterval(
        () => this.#passivateIdle(),
        Math.max(1, Math.min(idleTimeout / 2, MAX_TIMER)),
      ).unref()
    }
  }

  /** How many entities are live. */
  get live(): number {
    return this.#live
  }

  /**
   * How many entities of the type are live over all processes, by process, as they have reported to `liveCounter`: some 100 ms late, and
   * where one has crashed until its `deadInstanceThreshold` is over.
   *
   * @throws {InvalidInputError} without a `liveCounter`; what the counter throws
   */
  async liveEverywhere(): Promise<LiveEntities> {
    if (this.#liveCount === undefined) throw new InvalidInputError('liveCounter', undefined, 'a counter to report to')
    return this.#liveCount.everywhere()
  }

  /**
   * An entity, live or not: it is spawned when a command comes. If that fails, so do the commands that wait for it, and the next one tries
   * again. `stop()` passivates it.
   *
   * @throws {InvalidInputError} if the id is no UUID
   */
  ref(id: string): EntityRef<Cmd, Evt> {
    const key = entityKey(this.#type.domain.typeName, id)
    const receiver: Receiver<Cmd, Evt> = {
      key,
      telemetry: this.#type.telemetry,
      handle: (envelope) => this.#deliver(key, envelope),
      stop: async () => {
        const resident = this.#residents.get(key.id)
        if (resident !== undefined) await this.#settle(resident)
      },
    }
    return new Ref(receiver)
  }

  /**
   * Deletes all that is known of an entity: its events, its snapshots, its command ids. What stays is a mark in the log (see `isForgotten`) and
   * one in the snapshot store, which hold nothing but the id. A command that comes later begins anew with the initial state, and with seqNos that go on.
   *
   * The entity may be live in other processes, and appends or snapshots of theirs under way: the mark makes them conflict, and they begin anew,
   * too. (What they answer from memory without looking at the log may be stale until then, as ever.)
   *
   * If it fails, the entity is forgotten or not, but something of it may be left: calling it again finishes the work.
   *
   * @throws {EventSourcedError} `STOPPED`; `CONFLICT` if others stored events again and again; the log's and the snapshot store's
   */
  async forget(id: string): Promise<void> {
    const key = entityKey(this.#type.domain.typeName, id)
    for (;;) {
      if (this.#stopped !== undefined) throw this.#refusal(id)
      const resident = this.#resident(key)
      if (resident.moving === undefined) return this.#move(resident, () => this.#forget(resident))
      // By then its place may be given up, and commands may have come for another one's.
      await resident.moving
    }
  }

  async #forget(resident: Resident<Cmd, Evt, State>): Promise<void> {
    await this.#withdraw(resident)?.stop()
    await forget(this.#type, resident.key)
  }

  /** Finishes what was accepted by all entities, and refuses what comes later with `STOPPED`. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#finish()
    return this.#stopped
  }

  async #finish(): Promise<void> {
    clearInterval(this.#idleTimer)
    await Promise.all([...this.#residents.values()].map((resident) => this.#settle(resident)))
    await this.#liveCount?.close()
  }

  #deliver(key: EntityKey, envelope: Envelope<Cmd, Evt>): void {
    if (this.#stopped !== undefined) {
      envelope.reject(this.#refusal(key.id))
      return
    }
    const resident = this.#resident(key)
    resident.lastUsed = envelope.arrivedAt
    if (resident.entity?.hasFailed === true) void this.#passivate(resident)
    if (resident.entity !== undefined) {
      resident.entity.handle(envelope)
      return
    }
    resident.waiting ??= new Mailbox()
    const waits = resident.waiting.offer(envelope, key, this.#type)
    if (waits && resident.moving === undefined) void this.#move(resident, () => this.#spawn(resident))
  }

  /** The place of an entity, as the most recently used. */
  #resident(key: EntityKey): Resident<Cmd, Evt, State> {
    const found = this.#residents.get(key.id)
    const resident = found ?? newResident<Cmd, Evt, State>(key)
    if (found !== undefined) this.#residents.delete(key.id)
    this.#residents.set(key.id, resident)
    return resident
  }

  /** Takes a step on which commands wait, and the next one if some do. */
  #move(resident: Resident<Cmd, Evt, State>, step: () => Promise<void>): Promise<void> {
    const moved = step()
    const afterwards = () => this.#moved(resident, moving)
    const moving: Promise<void> = moved.then(afterwards, afterwards)
    resident.moving = moving
    return moved
  }

  #moved(resident: Resident<Cmd, Evt, State>, moving: Promise<void>): void {
    // A step may be followed at once by another, such as passivation by the bound.
    if (resident.moving !== moving) return
    resident.moving = undefined
    if (resident.entity !== undefined) return
    if (resident.waiting !== undefined) void this.#move(resident, () => this.#spawn(resident))
    else void this.#giveUp(resident)
  }

  /** Gives up the place of an entity that is out, and has no snapshot left to save. */
  async #giveUp(resident: Resident<Cmd, Evt, State>): Promise<void> {
    if (resident.snapshotter?.isSaving === true) await resident.snapshotter.finished()
    const isOut = resident.entity === undefined && resident.moving === undefined
    if (isOut && this.#residents.get(resident.key.id) === resident) this.#residents.delete(resident.key.id)
  }

  async #spawn(resident: Resident<Cmd, Evt, State>): Promise<void> {
    try {
      const recovered = await recover(this.#type, resident.key)
      const entity = new RunningEntity(this.#type, resident.key, recovered, resident.snapshotter)
      for (const envelope of takeWaiting(resident)) entity.handle(envelope)
      resident.entity = entity
      this.#changeLive(1)
      this.#passivateSurplus()
    } catch (error) {
      this.#type.loggerOf(resident.key)?.error({ err: error }, 'an entity could not be recovered')
      for (const envelope of takeWaiting(resident)) envelope.reject(asError(error))
    }
  }

  /** Takes a live entity out: commands that come from now on wait for the next one. */
  #withdraw(resident: Resident<Cmd, Evt, State>): RunningEntity<Cmd, Evt, State> | undefined {
    const { entity } = resident
    if (entity === undefined) return undefined
    resident.entity = undefined
    this.#changeLive(-1)
    return entity
  }

  #changeLive(by: 1 | -1): void {
    this.#live += by
    this.#liveCount?.set(this.#live)
  }

  #passivate(resident: Resident<Cmd, Evt, State>): Promise<void> {
    const entity = this.#withdraw(resident)
    if (entity === undefined) return Promise.resolve()
    return this.#move(resident, async () => {
      resident.snapshotter = await entity.leave()
    })
  }

  /** Passivates an entity once nothing moves it any more, and waits for its last snapshot. */
  async #settle(resident: Resident<Cmd, Evt, State>): Promise<void> {
    while (resident.moving !== undefined) await resident.moving
    await this.#passivate(resident)
    await resident.snapshotter?.finished()
  }

  #passivateSurplus(): void {
    for (const resident of this.#residents.values()) {
      if (this.#live <= this.#maxLive) return
      void this.#passivate(resident)
    }
  }

  #passivateIdle(): void {
    const before = Date.now() - this.#idleTimeout
    for (const resident of this.#residents.values()) {
      if (resident.lastUsed > before) return
      void this.#passivate(resident)
    }
  }

  #refusal(id: string): EventSourcedError {
    const { typeName } = this.#type.domain
    return new EventSourcedError('STOPPED', `the entities of ${typeName} are stopped: nothing was done for ${id}`)
  }
}

function newResident<Cmd, Evt, State>(key: EntityKey): Resident<Cmd, Evt, State> {
  return { key, entity: undefined, moving: undefined, waiting: undefined, snapshotter: undefined, lastUsed: Date.now() }
}

function takeWaiting<Cmd, Evt, State>(resident: Resident<Cmd, Evt, State>): readonly Envelope<Cmd, Evt>[] {
  const { waiting } = resident
  resident.waiting = undefined
  return waiting?.take() ?? []
}

function positive(field: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidInputError(field, value, 'a whole number, 1 or more')
  return value
}
