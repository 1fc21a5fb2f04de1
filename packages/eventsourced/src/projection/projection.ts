import type { ProjectionProgress } from '../entity/retention.js'
import { InvalidInputError } from '../errors.js'
import { checkingOffsets } from './check-offset.js'
import { ManagedProjection } from './managed-projection.js'
import type { OffsetStore } from './offset-store.js'
import { type ProjectionOptions, type ProjectionSetup, projectionSetup } from './options.js'
import type { ProjectionKey } from './projection-key.js'
import { type Stored, Waiters } from './reached.js'
import { changeRegistry, type Registry, type Request, versionOf } from './registry.js'
import { Runner } from './runner.js'
import type { ProjectionStatus } from './status.js'
import type { WaitOptions } from './wait-options.js'

/** A projection that this process takes part in. As retention's progress it answers for itself alone. */
export interface RunningProjection extends ProjectionProgress {
  readonly key: ProjectionKey
  /** To pause, resume, reset, promote it, and so on, in all processes; until `stop` where the handler has opened its store itself, as `exactlyOnce` does. */
  readonly manage: ManagedProjection
  /** How it stands, over all processes. */
  status(): Promise<ProjectionStatus>
  /**
   * Ends once what a command has stored is handled, by whichever process: a query of the read model then sees it.
   *
   * @throws {EventSourcedError} `NOT_REACHED` at the deadline, after 10 seconds by default; `PARKED` if an event of that entity is parked; the signal's reason
   * @throws {RefusedError} `closed` once it is stopped here
   * @example
   * const result = await counters.ref(id).handleCmd({ type: 'Inc', inc: 1n })
   * if (result.ok) await totals.reached(result, { deadline: new Date(Date.now() + 1_000) })
   */
  reached(result: Stored, options?: WaitOptions): Promise<void>
  /** Ends what is in flight, and leaves its slices to the other processes at once. Idempotent. */
  stop(): Promise<void>
}

/** Runs projections. */
export const Projection = {
  /**
   * Starts a projection in this process, or joins the processes that run it already: they share its 64 slices, each slice has one owner at a time.
   *
   * @throws {InvalidInputError} if an option is wrong, or the version is registered for another type
   * @throws {EventSourcedError} `LOG_LOST_EVENTS` if the log ends before what was handled, or has other events in its place; the log's and the store's
   * @example
   * const totals = await Projection.start({
   *   name: 'totals', version: 1, typeName: 'counter', evtLog, binarizer,
   *   handler: atLeastOnce(offsetStore, async ({ evt, key }) => { await index.put(key.id, evt) }),
   *   onError: retry({ attempts: 8, then: 'park' }),
   * })
   */
  async start<Evt>(options: ProjectionOptions<Evt>): Promise<RunningProjection> {
    const setup = projectionSetup(options)
    const store = await setup.delivery.open()
    try {
      await checkAll(store, setup, await register(store, setup))
      return running(setup, store)
    } catch (error) {
      await setup.delivery.close()
      throw error
    }
  },
}

function running<Evt>(setup: ProjectionSetup<Evt>, store: OffsetStore): RunningProjection {
  const { key, evtLog, delivery, typeName: own } = setup
  const waiters = new Waiters(store, key)
  const runner = new Runner({ setup, store, onMoved: ({ slice, offset }) => waiters.moved(slice, offset.position) })
  const manage = new ManagedProjection(key, { offsetStore: store, evtLog })
  const stop = async () => {
    try {
      await runner.stop()
    } finally {
      waiters.close()
      await delivery.close()
    }
  }
  const checkOwn = (typeName: string) => {
    if (typeName !== own) throw new InvalidInputError('typeName', typeName, `${own}, which the projection reads`)
  }
  let stopped: Promise<void> | undefined
  return {
    key,
    manage,
    status: () => manage.status(),
    reached: async (result, waiting) => {
      checkOwn(result.key.typeName)
      await waiters.reached(result, waiting)
    },
    position: async (typeName, slice) => {
      checkOwn(typeName)
      const [record] = await store.slices(key, [slice])
      return record?.offset.position ?? 0
    },
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Makes the projection known; the first version of its name serves. @returns the requests that wait for it */
async function register<Evt>(store: OffsetStore, { key, typeName }: ProjectionSetup<Evt>): Promise<readonly Request[]> {
  const registered = await changeRegistry(store, key.name, (registry: Registry) => {
    const found = versionOf(registry, key)
    if (found === undefined) {
      const added = { version: key.version, typeName, order: 'run', requests: [] } as const
      return { serving: registry.serving ?? key.version, versions: [...registry.versions, added] }
    }
    if (found.typeName === typeName) return registry
    throw new InvalidInputError('typeName', typeName, `${found.typeName}, for which this version is registered`)
  })
  return versionOf(registered, key)?.requests ?? []
}

/** Sees that the log still has what all slices stand on, whoever owns them, but for those that are to be reset anyway. */
async function checkAll<Evt>(
  store: OffsetStore,
  { key, evtLog, typeName }: ProjectionSetup<Evt>,
  requests: readonly Request[],
): Promise<void> {
  const check = checkingOffsets(evtLog, typeName)
  const toBeReset = new Set(requests.filter(({ kind }) => kind === 'reset').map(({ slice }) => slice))
  const records = (await store.slices(key)).filter(({ slice }) => !toBeReset.has(slice))
  const offsets = records.map(({ offset }) => offset)
  // The furthest first, which tells the head for all.
  for (const offset of offsets.toSorted((left, right) => right.position - left.position)) await check(offset)
}
