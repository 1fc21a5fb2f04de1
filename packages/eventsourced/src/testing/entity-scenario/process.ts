import { Entities } from '../../entity/entities.js'
import type { EntityOptions } from '../../entity/options.js'
import type { SnapshotStore } from '../../snapshot/snapshot-store.js'
import { FaultyEvtLog } from '../faulty-evt-log.js'
import { FaultySnapshotStore } from '../faulty-snapshot-store.js'
import { type Cmd, type Ledger, ledgerBinarizer, ledgerType, type Moved } from './ledger.js'
import type { ProcessName, Setup } from './scenario.js'
import type { WatchedEvtLog } from './watched-evt-log.js'

/** What one process has open. */
export interface Opened {
  readonly evtLog: WatchedEvtLog
  readonly snapshotStore: SnapshotStore
}

type Instance = Entities<Cmd, Moved, Ledger>

/** A process that runs entities: at times they are stopped, or taken for dead, and others take their place. */
export class Process {
  readonly name: ProcessName
  readonly opened: Opened
  readonly evtLog: FaultyEvtLog
  readonly snapshotStore: FaultySnapshotStore
  readonly #typeName: string
  readonly #setup: Setup
  /** The present ones are the last. */
  readonly #instances: Instance[] = []

  constructor(name: ProcessName, typeName: string, setup: Setup, opened: Opened) {
    this.name = name
    this.opened = opened
    this.evtLog = new FaultyEvtLog(opened.evtLog)
    this.snapshotStore = new FaultySnapshotStore(opened.snapshotStore)
    this.#typeName = typeName
    this.#setup = setup
    this.abandon()
  }

  get instanceName(): string {
    return `${this.name}${this.#instances.length}`
  }

  get entities(): Instance {
    const present = this.#instances.at(-1)
    if (present === undefined) throw new TypeError('a process has entities from the beginning')
    return present
  }

  /** Takes the present entities for dead: they go on with what they have, but get no more commands. */
  abandon(): void {
    const { evtLog, snapshotStore } = this
    this.#instances.push(
      new Entities(ledgerType(this.#typeName, this.#setup.snapshotEvery), {
        evtLog,
        snapshotStore,
        ...entityOptions(this.#setup),
        maxLive: this.#setup.maxLive,
        maxRecoveries: this.#setup.maxRecoveries,
        idleTimeout: this.#setup.idleTimeout,
      }),
    )
  }

  async stop(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.stop()))
  }

  mendAll(): void {
    this.evtLog.faults.clear()
    this.snapshotStore.faults.clear()
  }
}

export function entityOptions(setup: Setup): Omit<EntityOptions<Moved, Ledger>, 'evtLog'> {
  const { cmdWindow, mailboxSize, mailboxFull, unavailableTimeout, conflictAttempts, waiting } = setup
  return {
    binarizer: ledgerBinarizer(),
    cmdWindow,
    mailboxSize,
    mailboxFull,
    unavailableTimeout,
    conflictAttempts,
    supervision: { start: 0, max: 2, attempts: 5, waiting },
    retention: { keep: setup.keep, deleteEvts: setup.deleteEvts },
  }
}
