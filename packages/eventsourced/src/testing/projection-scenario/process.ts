import { setTimeout as sleep } from 'node:timers/promises'
import { UnavailableError } from '../../errors.js'
import type { Delivery } from '../../projection/delivery.js'
import { retry } from '../../projection/on-error.js'
import { Projection, type RunningProjection } from '../../projection/projection.js'
import { Faults } from '../faults.js'
import { FaultyEvtLog } from '../faulty-evt-log.js'
import { FaultyOffsetStore } from '../faulty-offset-store.js'
import type { ProjectionFault } from './scenario.js'
import { type BeforeApplying, type Noted, notedBinarizer, type ProjectionParts } from './subject.js'

const HANDLER_TIMEOUT_MS = 150
const cutOff = () => new UnavailableError('the process is cut off')
const late = () => new UnavailableError('the answer was lost')

/** Which projection, and what its handlers meet. */
export interface ProcessOptions {
  readonly name: string
  readonly typeName: string
  readonly parts: ProjectionParts
  readonly before: BeforeApplying
}

/** A process that runs the projection, and what goes wrong with it. */
export class ProjectionProcess {
  readonly #faults = new Faults<'deliver'>()
  readonly #evtLog: FaultyEvtLog
  readonly #options: ProcessOptions
  #store: FaultyOffsetStore | undefined
  #running: RunningProjection | undefined
  #hasCrashed = false

  constructor(options: ProcessOptions) {
    this.#options = options
    this.#evtLog = new FaultyEvtLog(options.parts.evtLog)
  }

  get hasCrashed(): boolean {
    return this.#hasCrashed
  }

  /** Starts the projection; what goes wrong meanwhile, it outlives or tells. */
  async start(): Promise<RunningProjection> {
    const { name, typeName } = this.#options
    this.#running = await Projection.start<Noted>({
      name,
      typeName,
      evtLog: this.#evtLog,
      binarizer: notedBinarizer,
      handler: this.#delivery(),
      handlerTimeoutMs: HANDLER_TIMEOUT_MS,
      // oxlint-disable-next-line unicorn/no-thenable -- a word, which nobody takes for a function
      onError: retry({ min: 1, max: 20, attempts: 3, then: 'park' }),
    })
    return this.#running
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
  }

  /** It does nothing any more that others could see. */
  crash(): void {
    this.#hasCrashed = true
    this.#cutOff()
  }

  async cutOff(ms: number): Promise<void> {
    this.#cutOff()
    await sleep(ms)
    if (!this.#hasCrashed) this.mend()
  }

  /** Nothing goes wrong any more, unless it has crashed. */
  mend(): void {
    if (this.#hasCrashed) return
    for (const faults of this.#all()) faults.clear()
  }

  fault(kind: ProjectionFault, times: number): void {
    const lost = { when: 'after', error: late() } as const
    const failed = { when: 'before', error: new UnavailableError('for now') } as const
    switch (kind) {
      case 'delivery fails':
        return this.#faults.fail('deliver', failed, times)
      case 'delivery answered late':
        return this.#faults.fail('deliver', lost, times)
      case 'claim fails':
        return this.#store?.faults.fail('claim', failed, times)
      case 'claim answered late':
        return this.#store?.faults.fail('claim', lost, times)
      case 'heartbeat fails':
        return this.#store?.leases.faults.fail('renew', failed, times)
      case 'take answered late':
        return this.#store?.leases.faults.fail('take', lost, times)
      case 'read fails':
        return this.#evtLog.faults.fail('evtsByType', failed, times)
      case 'head fails':
        return this.#evtLog.faults.fail('head', failed, times)
    }
  }

  #delivery(): Delivery<Noted> {
    const { parts, before } = this.#options
    const delivery = parts.deliver(async (evt, context) => {
      await before(evt, context)
      if (this.#hasCrashed) throw cutOff()
    })
    return {
      ...delivery,
      open: async () => {
        this.#store = new FaultyOffsetStore(await delivery.open())
        return this.#store
      },
      deliver: (batch) => this.#faults.run('deliver', () => delivery.deliver(batch)),
    }
  }

  #cutOff(): void {
    for (const faults of this.#all()) faults.cutOff(cutOff())
  }

  #all(): readonly { clear(): void; cutOff(error: Error): void }[] {
    const store = this.#store
    return [this.#faults, this.#evtLog.faults, ...(store === undefined ? [] : [store.faults, store.leases.faults])]
  }
}
