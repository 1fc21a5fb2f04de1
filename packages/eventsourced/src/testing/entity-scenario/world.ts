import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { Entity } from '../../entity/entity.js'
import type { HandleCmdOptions } from '../../entity/request.js'
import { asError } from '../../errors.js'
import { type EntityKey, entityKey } from '../../log/entity-key.js'
import type { Held } from '../faults.js'
import { type Answer, answerOf } from './attempt.js'
import { Callers } from './callers.js'
import { injectFault } from './inject-fault.js'
import { cmdOf, MOVE } from './cmd-of.js'
import { type Cmd, ledgerType } from './ledger.js'
import { entityOptions, type Opened, Process } from './process.js'
import { ENTITY_COUNT, type FaultKind, type ProcessName, type Send, type Setup, type Step } from './scenario.js'
import type { Archive } from './watched-evt-log.js'

/** The faults of which something arrives when its sender no longer waits for it. */
const LATE: readonly FaultKind[] = ['append uncertain, stored late', 'save fails, saved late']

type StepOf<Do extends Step['do']> = Extract<Step, { readonly do: Do }>

/** Two processes, the entities that they share, and their callers: what the steps of a scenario happen to. */
export class World {
  readonly keys: readonly EntityKey[]
  readonly callers: Callers
  readonly archive: Archive
  readonly #setup: Setup
  readonly #typeName = `scenario-${randomUUID()}`
  readonly #processes: Readonly<Record<ProcessName, Process>>
  readonly #forgets = new Map<number, number>()
  readonly #forgottenAt = new Map<number, number>()
  #held: Held[] = []
  /** What its sender has given up: nobody waits for it. */
  #late: Held[] = []
  readonly #stops: Promise<void>[] = []

  constructor(setup: Setup, archive: Archive, opened: Readonly<Record<ProcessName, Opened>>, patienceMs: number) {
    this.#setup = setup
    this.callers = new Callers(patienceMs)
    this.archive = archive
    this.keys = Array.from({ length: ENTITY_COUNT }, () => entityKey(this.#typeName, randomUUID()))
    this.#processes = {
      A: new Process('A', this.#typeName, setup, opened.A),
      B: new Process('B', this.#typeName, setup, opened.B),
    }
  }

  /** Takes a step: at once, so that commands come in numbers, unless there is something to wait for. */
  take(step: Step): Promise<void> | void {
    switch (step.do) {
      case 'send':
        return this.#send(step)
      case 'send again':
        return this.#sendAgain(step)
      case 'abort':
        return this.#abort(step)
      case 'fault':
        return this.#fault(this.#processes[step.at], step.kind, step.times)
      case 'let others run':
        return turns(step.turns)
      case 'await the oldest':
        this.#release()
        return this.callers.oldestAnswered()
      case 'await all':
        return this.#settle()
      case 'passivate':
        this.#stops.push(this.#processes[step.at].entities.ref(this.key(step.entity).id).stop())
        return
      case 'restart':
        this.#stops.push(this.#processes[step.at].entities.stop())
        return this.#processes[step.at].abandon()
      case 'abandon':
        return this.#processes[step.at].abandon()
      case 'forget':
        return this.#forget(step)
    }
  }

  /** Nothing goes wrong any more, and nothing is held back. */
  mend(): void {
    for (const process of this.#all) process.mendAll()
    this.#release()
  }

  /** Everything comes to its end: all are answered, all entities stop. */
  async end(): Promise<void> {
    this.mend()
    await this.#settle()
    await Promise.all(this.#all.map((process) => process.stop()))
    await Promise.all(this.#stops)
    await this.#quiet()
  }

  /** What the answer of an entity is that nobody holds in memory, read without faults. */
  async recovered(entity: number, withSnapshots: boolean): Promise<Answer> {
    const { evtLog, snapshotStore } = this.#processes.A.opened
    const ref = await Entity.spawn(this.key(entity).id, ledgerType(this.#typeName, 0), {
      evtLog,
      ...(withSnapshots ? { snapshotStore } : {}),
      binarizer: entityOptions(this.#setup).binarizer,
    })
    const answer = await answerOf(ref, { type: 'Look' }, {})
    await ref.stop()
    return answer
  }

  key(entity: number): EntityKey {
    const key = this.keys[entity]
    if (key === undefined) throw new RangeError(`there is no entity ${entity}`)
    return key
  }

  get #all(): readonly Process[] {
    return Object.values(this.#processes)
  }

  #send({ count, at, entity, cmd }: Omit<StepOf<'send'>, 'do'>): void {
    for (let left = count; left > 0; left--) this.#sendOne(at, entity, cmd)
  }

  #sendOne(at: ProcessName, entity: number, send: Send): void {
    const abort = send.patience === 'signal' ? new AbortController() : undefined
    const options: HandleCmdOptions = {
      fresh: send.fresh,
      ...(send.withCmdId ? { cmdId: randomUUID() } : {}),
      ...(send.expected === undefined
        ? {}
        : { expectedSeqNo: Math.max(0, this.callers.toldOf(entity) + send.expected) }),
      ...(abort === undefined ? {} : { signal: abort.signal }),
      ...(send.patience === 'deadline' ? { deadline: new Date() } : {}),
    }
    this.#sendTo(this.#processes[at], entity, (attempt) => cmdOf(send, attempt), options, abort)
  }

  #sendTo(
    process: Process,
    entity: number,
    cmd: (attempt: number) => Cmd,
    options: HandleCmdOptions,
    abort?: AbortController,
  ): void {
    const ref = process.entities.ref(this.key(entity).id)
    const send = (cmd: Cmd, options: HandleCmdOptions) => answerOf(ref, cmd, options)
    this.callers.send({ entity, instance: process.instanceName, cmd, options, abort, send })
  }

  #sendAgain({ at, pick }: StepOf<'send again'>): void {
    const withCmdId = this.callers.attempts.flatMap(({ entity, cmd, options: { cmdId } }) =>
      cmdId === undefined ? [] : [{ entity, cmd, cmdId }],
    )
    const before = pickOf(withCmdId, pick)
    if (before === undefined) return
    const { entity, cmd, cmdId } = before
    const again = (attempt: number): Cmd => (cmd.type === 'Look' ? cmd : { ...cmd, attempt })
    this.#sendTo(this.#processes[at], entity, again, { cmdId })
  }

  #abort({ pick }: StepOf<'abort'>): void {
    const patient = this.callers.unanswered.filter(({ abort }) => abort !== undefined)
    pickOf(patient, pick)?.abort?.abort(new Error('never mind'))
  }

  #fault(process: Process, kind: FaultKind, times: number): void {
    if (kind !== 'another writer first') {
      const held = injectFault(process, kind, times)
      if (LATE.includes(kind)) this.#late.push(...held)
      else this.#held.push(...held)
    } else {
      for (let time = 0; time < times; time++) process.opened.evtLog.beforeNextAppend((key) => this.#intrude(key))
    }
  }

  /** Another process, that takes part in nothing else, writes to an entity. */
  async #intrude(key: EntityKey): Promise<void> {
    const entity = this.keys.findIndex(({ id }) => id === key.id)
    const send = async (cmd: Cmd, options: HandleCmdOptions): Promise<Answer> => {
      try {
        const { evtLog, snapshotStore } = this.#processes.B.opened
        const type = ledgerType(this.#typeName, 0)
        const ref = await Entity.spawn(key.id, type, { evtLog, snapshotStore, ...entityOptions(this.#setup) })
        const answer = await answerOf(ref, cmd, options)
        await ref.stop()
        return answer
      } catch (error) {
        return { kind: 'failed', error: asError(error) }
      }
    }
    const cmd = (attempt: number): Cmd => cmdOf(MOVE, attempt)
    const instance = `other ${this.callers.attempts.length}`
    await this.callers.send({ entity, instance, cmd, options: {}, send }).answered
  }

  /** An entity may be forgotten while it is live in both processes, and while what they gave up is still on its way. */
  async #forget({ at, entity, passivating, held, before, during, deletion }: StepOf<'forget'>): Promise<void> {
    const process = this.#processes[at]
    const key = this.key(entity)
    if (held !== 'nothing') this.#held.push(process.evtLog.faults.hold(held))
    if (deletion !== 'works') this.#fault(process, deletion, 1)
    this.#send({ count: before, at, entity, cmd: MOVE })
    if (held === 'persist') await turn()
    if (passivating) this.#stops.push(process.entities.ref(key.id).stop())
    this.#forgets.set(entity, this.forgetsOf(entity) + 1)
    const instance = process.instanceName
    const forgotten = process.entities.forget(key.id).then(
      () => true,
      () => false,
    )
    for (let left = during; left > 0; left--) {
      await turn()
      this.#send({ count: 1, at, entity, cmd: MOVE })
    }
    // What arrives late may do so when all is forgotten.
    this.#letGoOn()
    if (!(await forgotten)) return
    const seqNo = this.archive.lastForgottenAt(key)
    this.#forgottenAt.set(entity, seqNo)
    this.callers.told(entity, instance, seqNo)
  }

  /** How often somebody tried to forget an entity. */
  forgetsOf(entity: number): number {
    return this.#forgets.get(entity) ?? 0
  }

  /** Where an entity was last forgotten for sure; 0 if it never was. */
  forgottenAt(entity: number): number {
    return this.#forgottenAt.get(entity) ?? 0
  }

  /** What is still there of an entity from before it was last forgotten for sure. */
  async remainsOf(entity: number): Promise<readonly unknown[]> {
    const { evtLog, snapshotStore } = this.#processes.A.opened
    const key = this.key(entity)
    const before = { to: this.forgottenAt(entity) - 1, maxSeqNo: this.forgottenAt(entity) - 1 }
    if (before.to < 1) return []
    const remains: unknown[] = []
    for await (const evt of evtLog.evtsById(key, before)) remains.push(evt)
    const snapshot = await snapshotStore.load(key, before)
    return snapshot === undefined ? remains : [...remains, snapshot]
  }

  async #settle(): Promise<void> {
    this.#release()
    await this.callers.allAnswered()
  }

  /** Lets go on, and arrive, all that is held back. */
  #release(): void {
    this.#letGoOn()
    for (const { release } of this.#late) release()
    this.#late = []
  }

  #letGoOn(): void {
    for (const { release } of this.#held) release()
    this.#held = []
  }

  async #quiet(): Promise<void> {
    // What was let go on begins in the next turn.
    await turn()
    await Promise.all(this.#all.map(({ opened }) => opened.evtLog.quiet()))
  }
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn()
}

function pickOf<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(1, items.length)]
}
