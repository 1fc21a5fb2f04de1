import { setTimeout as sleep } from 'node:timers/promises'
import { v7 as uuid } from 'uuid'
import { checkFields } from '../entity/check-fields.js'
import { EventSourcedError, InvalidInputError, UnavailableError } from '../errors.js'
import { checkId, nameOf } from '../log/entity-key.js'
import type { EvtLog } from '../log/evt-log.js'
import { SLICE_COUNT, sliceOf } from '../log/slice.js'
import { CatchUp } from './catch-up.js'
import type { OffsetStore, ParkedEvt, ParkedOptions } from './offset-store.js'
import { checkProjectionKey, groupOf, type ProjectionKey } from './projection-key.js'
import {
  changeRegistry,
  type Order,
  readRegistry,
  type RegisteredVersion,
  type Request,
  versionOf,
  withVersion,
} from './registry.js'
import { type ProjectionStatus, readStatus } from './status.js'
import { checkedWait, type WaitOptions } from './wait-options.js'

/** How a version is promoted. */
export interface PromoteOptions extends WaitOptions {
  /** Also if events are parked, which its read model lacks; not by default. */
  readonly withParked?: boolean
}

/** A request without what it is given here. */
type Asked = Request extends infer One ? (One extends Request ? Omit<One, 'id' | 'slice'> : never) : never

/** For how long there may be no room for requests. */
const PATIENCE_MS = 10_000
/** How many requests wait at most: they are kept in one entry, which every store must take. */
const MAX_REQUESTS = 1_000
const LOOK_MS = { first: 10, most: 500 }

/**
 * A projection as any process may look after it, also one that does not run it. What is asked of it is kept in the store, and whoever has its slices
 * carries it out: it is done once the status no longer lists it. Up to 1,000 requests wait; who asks for more waits for some seconds, and gets an
 * {@link UnavailableError} then.
 */
export class ManagedProjection {
  readonly key: ProjectionKey
  readonly #store: OffsetStore
  readonly #evtLog: EvtLog

  /** @throws {InvalidInputError} */
  constructor(key: ProjectionKey, parts: { readonly offsetStore: OffsetStore; readonly evtLog: EvtLog }) {
    checkProjectionKey(key)
    this.key = { name: key.name, version: key.version }
    this.#store = parts.offsetStore
    this.#evtLog = parts.evtLog
  }

  /** How it stands. @throws {InvalidInputError} if it was never started, or was removed */
  async status(): Promise<ProjectionStatus> {
    const status = await readStatus(this.#store, this.#evtLog, this.key)
    if (status === undefined) throw this.#unknown()
    return status
  }

  /** Lets all processes stop handling events, and keep their slices. */
  pause(): Promise<void> {
    return this.#order('pause')
  }

  /** Lets all processes stop handling events, and let go of their slices. */
  stop(): Promise<void> {
    return this.#order('stop')
  }

  /** Lets all processes go on, also with slices that have stopped since an event could not be handled: it is tried again. */
  async resume(): Promise<void> {
    const records = await this.#store.slices(this.key)
    const stopped = records.filter(({ failure }) => failure?.stopped === true).map(({ slice }) => slice)
    await this.#change((registered) => {
      const asked = stopped.filter((slice) => lastOf(registered, slice)?.kind !== 'resume')
      const added = requests(asked, { kind: 'resume' })
      return { ...registered, order: 'run', resting: [], requests: [...registered.requests, ...added] }
    })
  }

  /**
   * Handles all events behind a position again, or none up to it, whether they were handled or not. What they did to the read model before is the
   * caller's to undo: another version, which starts from the beginning beside this one, is most often the better way.
   *
   * @throws {InvalidInputError} if the position is behind the log's head, too
   */
  async reset(position: number): Promise<void> {
    if (!Number.isSafeInteger(position) || position < 0 || position > (await this.#evtLog.headPosition())) {
      throw new InvalidInputError('position', position, "a position from 0 to the log's head")
    }
    await this.#ask(allSlices(), { kind: 'reset', position })
  }

  /** The events that are parked, in order of position: all of them, or an entity's. @throws {InvalidInputError} if it was never started, or was removed */
  parked(options: { readonly id?: string } = {}): AsyncIterable<ParkedEvt> {
    checkFields('options', options, ['id'])
    if (options.id === undefined) return this.#parked({})
    const id = checkId(options.id)
    return this.#parked({ slice: sliceOf(id), id })
  }

  async *#parked(options: ParkedOptions): AsyncGenerator<ParkedEvt, void, void> {
    await this.#registered()
    yield* this.#store.parked(this.key, options)
  }

  /**
   * Handles the parked events of an entity, in order, up to the first that fails. Once none is left, the entity's new events are handled again. While
   * the projection is paused this waits, as all handling does, and what is asked of the same slice later waits behind it.
   */
  async retryParked(id: string): Promise<void> {
    const entityId = checkId(id)
    await this.#ask([sliceOf(entityId)], { kind: 'retry', entityId })
  }

  /** Forgets a parked event of an entity, or all of them without a seqNo: they are never handled. */
  async dropParked(id: string, options: { readonly seqNo?: number } = {}): Promise<void> {
    checkFields('options', options, ['seqNo'])
    const { seqNo } = options
    if (seqNo !== undefined && !(Number.isSafeInteger(seqNo) && seqNo >= 1)) {
      throw new InvalidInputError('seqNo', seqNo, 'a whole number, 1 or more')
    }
    const entityId = checkId(id)
    await this.#ask([sliceOf(entityId)], { kind: 'drop', entityId, ...(seqNo !== undefined && { seqNo }) })
  }

  /**
   * Makes this version the one that serves, once it has handled all that is in the log at this moment. The other versions go on until they are
   * stopped or removed.
   *
   * @throws {EventSourcedError} `NOT_REACHED` if it does not come so far by the deadline; `PARKED` if it has parked events, unless `withParked`; the signal's reason
   * @example
   * await totals2.manage.promote({ deadline: new Date(Date.now() + 3_600_000) })
   */
  async promote({ withParked = false, ...options }: PromoteOptions = {}): Promise<void> {
    if (typeof withParked !== 'boolean') throw new InvalidInputError('withParked', withParked, 'true or false')
    await this.caughtUp(options)
    if (!withParked) await this.#checkNoneParked()
    const { version } = this.key
    await changeRegistry(this.#store, this.key.name, (registry) => {
      if (versionOf(registry, this.key) === undefined) throw this.#unknown()
      return registry.serving === version ? registry : { ...registry, serving: version }
    })
  }

  /**
   * Ends when everything is handled, skipped or parked that is in the log at this moment. What was handled before a reset does not count.
   *
   * @throws {InvalidInputError} if it was never started, or was removed
   * @throws {EventSourcedError} `NOT_REACHED` if it does not come so far by the deadline; the signal's reason
   */
  async caughtUp(options: WaitOptions = {}): Promise<void> {
    const { deadline, signal } = checkedWait(options)
    const position = await this.#evtLog.headPosition()
    const { typeName } = await this.#registered()
    const catchUp = new CatchUp({ key: this.key, store: this.#store, evtLog: this.#evtLog, typeName, position })
    for (let wait = LOOK_MS.first; ; wait = Math.min(LOOK_MS.most, wait * 2)) {
      const caught = await catchUp.look()
      if (caught === 'up') return
      const left = deadline.getTime() - Date.now()
      if (left <= 0) {
        throw new EventSourcedError(
          'NOT_REACHED',
          `${groupOf(this.key)} has not handled all events up to position ${position} by ${deadline.toISOString()}: its status says why`,
        )
      }
      await sleep(caught === 'more' ? 0 : Math.min(wait, left), undefined, { signal })
    }
  }

  /**
   * Deletes all that is kept of this version: its offsets, its parked events. The read model is the caller's to delete.
   *
   * @throws {InvalidInputError} if it serves, and is not the last one: promote another version first; if a process runs it: stop it first; if there is
   * nothing kept of it
   */
  async remove(): Promise<void> {
    const { members } = await this.#store.leases.view(groupOf(this.key))
    // Who went on would begin at the beginning.
    if (members.length > 0) throw new InvalidInputError('version', this.key.version, 'one that no process runs')
    if (!(await this.#isKept())) throw this.#unknown()
    await changeRegistry(this.#store, this.key.name, (registry) => {
      const others = registry.versions.filter(({ version }) => version !== this.key.version)
      if (others.length === registry.versions.length) return registry
      if (registry.serving === this.key.version && others.length > 0) {
        throw new InvalidInputError('version', this.key.version, 'one that does not serve')
      }
      return { serving: others.length === 0 ? undefined : registry.serving, versions: others }
    })
    await this.#store.remove(this.key)
  }

  /** Whether anything is kept of it: a removal that failed half-way is tried again. */
  async #isKept(): Promise<boolean> {
    const { registry } = await readRegistry(this.#store, this.key.name)
    if (versionOf(registry, this.key) !== undefined) return true
    if ((await this.#store.slices(this.key)).length > 0) return true
    return (await this.#store.parkedCount(this.key)) > 0
  }

  /** @throws {EventSourcedError} `PARKED` */
  async #checkNoneParked(): Promise<void> {
    for await (const { evt } of this.#store.parked(this.key)) {
      throw new EventSourcedError(
        'PARKED',
        `${groupOf(this.key)} has parked events, as event ${evt.seqNo} of ${nameOf(evt.key)}: its read model lacks them. Retry or drop them, or promote it withParked`,
      )
    }
  }

  #order(order: Order): Promise<void> {
    return this.#change((registered) =>
      registered.order === order ? registered : { ...registered, order, resting: [] },
    )
  }

  /** @throws {UnavailableError} if there is no room on the list for long */
  async #ask(slices: readonly number[], asked: Asked): Promise<void> {
    const added = requests(slices, asked)
    const deadline = Date.now() + PATIENCE_MS
    for (let wait = LOOK_MS.first; !(await this.#add(added)); wait = Math.min(LOOK_MS.most, wait * 2)) {
      if (Date.now() > deadline) {
        const why = `${MAX_REQUESTS} requests wait to be carried out already`
        throw new UnavailableError(`${why}: ask again later, and see that a process runs ${groupOf(this.key)}`)
      }
      await sleep(wait)
    }
  }

  /** @returns whether there was room for them */
  async #add(added: readonly Request[]): Promise<boolean> {
    let hasRoom = false
    await this.#change((registered) => {
      hasRoom = registered.requests.length + added.length <= MAX_REQUESTS
      return hasRoom ? { ...registered, requests: [...registered.requests, ...added] } : registered
    })
    return hasRoom
  }

  async #change(change: (registered: RegisteredVersion) => RegisteredVersion): Promise<void> {
    await changeRegistry(this.#store, this.key.name, (registry) => {
      if (versionOf(registry, this.key) === undefined) throw this.#unknown()
      return withVersion(registry, this.key.version, change)
    })
  }

  /** @throws {InvalidInputError} if it was never started, or was removed */
  async #registered(): Promise<RegisteredVersion> {
    const { registry } = await readRegistry(this.#store, this.key.name)
    const registered = versionOf(registry, this.key)
    if (registered === undefined) throw this.#unknown()
    return registered
  }

  #unknown(): InvalidInputError {
    return new InvalidInputError('projection', groupOf(this.key), 'one that was started at least once')
  }
}

function lastOf({ requests }: RegisteredVersion, slice: number): Request | undefined {
  return requests.findLast((request) => request.slice === slice)
}

function requests(slices: readonly number[], asked: Asked): readonly Request[] {
  return slices.map((slice) => ({ ...asked, id: uuid(), slice }))
}

function allSlices(): readonly number[] {
  return Array.from({ length: SLICE_COUNT }, (_, slice) => slice)
}
