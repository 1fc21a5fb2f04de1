import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { FORGOTTEN } from '../../entity/forgotten.js'
import { messageOf } from '../../errors.js'
import { appendIds } from '../../log/append-id.js'
import { entityKey } from '../../log/entity-key.js'
import type { EvtLog, Head, NewEvt } from '../../log/evt-log.js'
import { ManagedProjection } from '../../projection/managed-projection.js'
import type { HandlerContext, ProjectedEvt } from '../../projection/delivery.js'
import type { OffsetStore } from '../../projection/offset-store.js'
import { newTypeName } from '../fixture.js'
import { ProjectionProcess } from './process.js'
import { ENTITY_COUNT, MAX_PROCESSES, type ProjectionScenario, type ProjectionStep } from './scenario.js'
import { type Applied, type Noted, notedBinarizer, type ProjectionSubject } from './subject.js'

/** How long a projection may take, once nothing goes wrong any more, to be done with everything. */
const PATIENCE_MS = 30_000

/**
 * Lets a scenario happen, then lets everything be well again, and looks whether the read model holds what it should.
 *
 * @throws {AssertionError} with all that happened, if it doesn't
 */
export async function runProjectionScenario(subject: ProjectionSubject, scenario: ProjectionScenario): Promise<void> {
  const world = await World.open(subject)
  try {
    for (const step of scenario.steps) await world.take(step)
    await world.settle()
    world.check(await subject.applied())
  } catch (error) {
    const applied = await subject.applied().catch(() => [])
    throw new assert.AssertionError({
      message: [
        messageOf(error),
        `seed: ${scenario.seed}`,
        ...scenario.steps.map((step) => `  ${inspect(step, { breakLength: Infinity })}`),
        ...world.describe(applied),
      ].join('\n'),
    })
  } finally {
    await world.end()
  }
}

interface Poison {
  readonly how: 'throws' | 'hangs'
  times: number
}

class World {
  readonly #subject: ProjectionSubject
  readonly #evtLog: EvtLog
  readonly #closeStore: () => Promise<void>
  readonly #name = `p-${randomUUID()}`
  readonly #typeName = newTypeName()
  readonly #ids = Array.from({ length: ENTITY_COUNT }, () => randomUUID())
  readonly #heads = new Map<string, Head>()
  /** The seqNos of the marks by which entities were forgotten. */
  readonly #marks = new Map<string, readonly number[]>()
  readonly #poison = new Map<string, Poison>()
  readonly #nextAppendId = appendIds()
  readonly #manage: ManagedProjection
  readonly #all: ProjectionProcess[] = []
  #live: ProjectionProcess[] = []
  readonly #beside: Promise<unknown>[] = []

  static async open(subject: ProjectionSubject): Promise<World> {
    const parts = await subject.open()
    const delivery = parts.deliver(() => Promise.resolve())
    return new World(subject, parts.evtLog, { store: await delivery.open(), close: () => delivery.close() })
  }

  private constructor(
    subject: ProjectionSubject,
    evtLog: EvtLog,
    { store, close }: { readonly store: OffsetStore; readonly close: () => Promise<void> },
  ) {
    this.#subject = subject
    this.#evtLog = evtLog
    this.#closeStore = close
    this.#manage = new ManagedProjection({ name: this.#name, version: 1 }, { offsetStore: store, evtLog })
  }

  async take(step: ProjectionStep): Promise<void> {
    switch (step.do) {
      case 'append':
        return this.#append(this.#id(step.entity), step.count)
      case 'start':
        return this.#start()
      case 'stop':
        return this.#leave(step.pick, (process) => process.stop())
      case 'crash':
        return this.#leave(step.pick, async (process) => process.crash())
      case 'cut off':
        return this.#on(step.pick, (process) => void this.#beside.push(process.cutOff(step.ms)))
      case 'fault':
        return this.#on(step.pick, (process) => process.fault(step.kind, step.times))
      case 'poison':
        this.#poison.set(this.#id(step.entity), { how: step.how, times: step.times })
        return
      case 'retry parked':
        return this.#ask(() => this.#manage.retryParked(this.#id(step.entity)))
      case 'forget':
        return this.#forget(this.#id(step.entity))
      case 'pause':
        return this.#ask(() => this.#manage.pause())
      case 'resume':
        return this.#ask(() => this.#manage.resume())
      case 'let time pass':
        await sleep(step.ms)
    }
  }

  /** Mends everything, and waits until all events are handled. */
  async settle(): Promise<void> {
    await Promise.all(this.#beside)
    this.#poison.clear()
    for (const process of this.#live) process.mend()
    if (this.#live.length === 0) await this.#start()
    await this.#manage.resume()
    const deadline = new Date(Date.now() + PATIENCE_MS)
    await this.#manage.caughtUp({ deadline })
    for (;;) {
      const ids = new Set<string>()
      for await (const { evt } of this.#manage.parked()) ids.add(evt.key.id)
      if (ids.size === 0) break
      for (const id of ids) await this.#manage.retryParked(id)
      while ((await this.#manage.status()).requests.length > 0) {
        assert.ok(Date.now() < deadline.getTime(), 'parked events are not retried')
        await sleep(20)
      }
    }
    await this.#manage.caughtUp({ deadline })
  }

  check(applied: readonly Applied[]): void {
    for (const id of this.#ids) {
      const seqNos = applied.filter((one) => one.id === id).map(({ seqNo }) => seqNo)
      // Repeats are in order, too, but for those of a process that was taken for dead.
      const firsts = this.#subject.exactlyOnce ? seqNos : [...new Set(seqNos)]
      const all = this.#expected(id, firsts)
      assert.deepEqual(
        firsts,
        all,
        `the events of ${id} were not applied ${this.#subject.exactlyOnce ? 'once, ' : ''}in order`,
      )
    }
  }

  /** All events of an entity but the marks; and what was still parked when it was forgotten is missing, which is all from some event on. */
  #expected(id: string, applied: readonly number[]): readonly number[] {
    const last = (this.#heads.get(id)?.seqNo ?? 0) + 1
    let from = 1
    return [...(this.#marks.get(id) ?? []), last].flatMap((mark) => {
      const before = Array.from({ length: mark - from }, (_, index) => from + index)
      const reached = applied.filter((seqNo) => seqNo >= from && seqNo < mark).length
      from = mark + 1
      return mark === last ? before : before.slice(0, reached)
    })
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#beside)
    for (const process of this.#all) await process.stop()
    await this.#closeStore()
  }

  describe(applied: readonly Applied[]): readonly string[] {
    return this.#ids.map((id) => {
      const seqNos = applied.filter((one) => one.id === id).map(({ seqNo }) => seqNo)
      return `${id}: ${this.#heads.get(id)?.seqNo ?? 0} events, applied ${seqNos.join(' ')}`
    })
  }

  #id(entity: number): string {
    return this.#ids[entity] ?? ''
  }

  async #append(id: string, count: number): Promise<void> {
    const { seqNo } = this.#headOf(id)
    await this.#persist(
      id,
      Array.from({ length: count }, (_, index) => ({
        ...notedBinarizer.encodeEvt({ type: 'Noted', n: seqNo + index + 1 }),
        metadata: {},
      })),
    )
  }

  async #forget(id: string): Promise<void> {
    await this.#persist(id, [FORGOTTEN])
    this.#marks.set(id, [...(this.#marks.get(id) ?? []), this.#headOf(id).seqNo])
  }

  async #persist(id: string, group: NewEvt[]): Promise<void> {
    const key = entityKey(this.#typeName, id)
    const append = { key, expected: this.#headOf(id), appendId: this.#nextAppendId(), groups: [group] }
    this.#heads.set(id, (await this.#evtLog.persist(append)).head)
  }

  #headOf(id: string): Head {
    return this.#heads.get(id) ?? { seqNo: 0, position: 0 }
  }

  async #start(): Promise<void> {
    if (this.#live.length === MAX_PROCESSES) return
    const options = { name: this.#name, typeName: this.#typeName, parts: await this.#subject.open() }
    const before = (evt: ProjectedEvt<Noted>, context: HandlerContext) => this.#before(evt, context)
    const process = new ProjectionProcess({ ...options, before })
    await process.start()
    this.#all.push(process)
    this.#live.push(process)
  }

  async #before({ key }: ProjectedEvt<Noted>, { signal }: HandlerContext): Promise<void> {
    const poison = this.#poison.get(key.id)
    if (poison === undefined || poison.times === 0) return
    poison.times -= 1
    if (poison.how === 'throws') throw new Error('poison')
    await sleep(PATIENCE_MS, undefined, { signal })
  }

  async #leave(pick: number, how: (process: ProjectionProcess) => Promise<void>): Promise<void> {
    const process = this.#live[pick % this.#live.length]
    if (process === undefined) return
    this.#live = this.#live.filter((one) => one !== process)
    await how(process)
  }

  #on(pick: number, what: (process: ProjectionProcess) => void): void {
    const process = this.#live[pick % this.#live.length]
    if (process !== undefined) what(process)
  }

  /** Nobody can be asked anything before the first start. */
  async #ask(what: () => Promise<void>): Promise<void> {
    if (this.#all.length > 0) await what()
  }
}
