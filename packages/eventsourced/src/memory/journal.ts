import { appendIdOf, appendIdParts } from '../log/append-id.js'
import { CheckedAppend } from '../log/checked-append.js'
import { checkedKey, type EntityKey } from '../log/entity-key.js'
import type { Append, Persisted, PersistedEvt } from '../log/evt-log.js'
import { sliceOf } from '../log/slice.js'
import { CHUNK_EVTS, Chunk } from './chunk.js'
import { Interned } from './interned.js'

/** Those who wait for more events, each by what wakes it. */
export type Waiting = Set<() => void>

/** What is known of an entity, its events aside. */
export interface JournalEntity {
  readonly key: EntityKey
  readonly slice: number
  readonly ordinal: number
  seqNo: number
  position: number
  /** The index in the journal of each event kept: those up to the head's, or none. */
  indexes: number[]
  /** The tombstone: the appendId of the head's event if that is deleted. */
  tombstone: string | undefined
  /** Most entities have no live reader ever. */
  waiting: Waiting | undefined
}

/** All events of a type in order of position. An event's index never changes; an index may stand for none. */
export class Journal {
  readonly waiting: Waiting = new Set()
  readonly #byId = new Map<string, JournalEntity>()
  readonly #entities: JournalEntity[] = []
  readonly #evtTypes = new Interned()
  /** The prefixes of their appendIds. */
  readonly #incarnations = new Interned()
  /** Those whose events are all deleted are gone. */
  readonly #chunks: (Chunk | undefined)[] = []

  /** One past the last event's index. */
  get end(): number {
    const last = this.#chunks.at(-1)
    return last === undefined ? this.#chunks.length * CHUNK_EVTS : (this.#chunks.length - 1) * CHUNK_EVTS + last.count
  }

  find(id: string): JournalEntity | undefined {
    return this.#byId.get(id)
  }

  findOrAdd(key: EntityKey): JournalEntity {
    const found = this.#byId.get(key.id)
    if (found !== undefined) return found
    const entity: JournalEntity = {
      key: checkedKey(key),
      slice: sliceOf(key.id),
      ordinal: this.#entities.length,
      seqNo: 0,
      position: 0,
      indexes: [],
      tombstone: undefined,
      waiting: undefined,
    }
    this.#byId.set(entity.key.id, entity)
    this.#entities.push(entity)
    return entity
  }

  /** The ids of the entities that have events, of those that are known when it begins. */
  *ids(): Iterable<string> {
    const { length } = this.#entities
    for (let ordinal = 0; ordinal < length; ordinal++) {
      const entity = this.#entities[ordinal]
      if (entity !== undefined && entity.indexes.length > 0) yield entity.key.id
    }
  }

  /** Stores all of an append behind the entity's head, from a position on. */
  append(entity: JournalEntity, append: Append, firstPosition: number, time: number): Persisted {
    const { groups } = append
    const evts = groups.length === 1 ? (groups[0] ?? []) : groups.flat()
    const { prefix, count } = append instanceof CheckedAppend ? append : appendIdParts(append.appendId)
    const origin = { incarnation: this.#incarnations.numberOf(prefix), count, time }
    let position = firstPosition
    for (const evt of evts) {
      const chunk = this.#openChunk()
      entity.seqNo += 1
      entity.position = position++
      const slot = chunk.add(evt, this.#evtTypes.numberOf(evt.type), entity, origin)
      keep(entity, (this.#chunks.length - 1) * CHUNK_EVTS + slot)
    }
    const positions = evts.length === 1 ? [firstPosition] : evts.map((_, index) => firstPosition + index)
    entity.tombstone = undefined
    ring(this.waiting)
    ring(entity.waiting)
    return { groups: groups.length, head: { seqNo: entity.seqNo, position: entity.position }, positions }
  }

  #openChunk(): Chunk {
    const last = this.#chunks.at(-1)
    if (last !== undefined && !last.isFull) return last
    const chunk = new Chunk()
    this.#chunks.push(chunk)
    return chunk
  }

  /** What was stored of an append that comes again; undefined if nothing. */
  storedBefore(entity: JournalEntity, { appendId, expected, groups }: Append): Persisted | undefined {
    const positions: number[] = []
    for (let seqNo = expected.seqNo + 1; ; seqNo++) {
      const evt = this.evtOf(entity, seqNo)
      if (evt?.appendId !== appendId) break
      positions.push(evt.position)
    }
    const position = positions.at(-1)
    if (position === undefined) return undefined
    let [stored, evtCount] = [0, 0]
    while (evtCount < positions.length) evtCount += groups[stored++]?.length ?? 1
    return { groups: stored, head: { seqNo: expected.seqNo + positions.length, position }, positions }
  }

  /** The seqNo of the oldest event kept; one past the head's if there is none. */
  firstSeqNo(entity: JournalEntity): number {
    return entity.seqNo + 1 - entity.indexes.length
  }

  /** The entity's event of a seqNo, undefined if there is none. */
  evtOf(entity: JournalEntity, seqNo: number): PersistedEvt | undefined {
    const index = entity.indexes[seqNo - this.firstSeqNo(entity)]
    return index === undefined ? undefined : this.evt(index)
  }

  /** The appendId of the entity's last event; empty if it never had one. */
  headAppendId(entity: JournalEntity): string {
    const index = entity.indexes.at(-1)
    if (index === undefined) return entity.tombstone ?? ''
    const chunk = this.#chunk(index)
    return chunk === undefined ? '' : this.#appendId(chunk, index % CHUNK_EVTS)
  }

  #appendId(chunk: Chunk, slot: number): string {
    return appendIdOf(this.#incarnations.textOf(chunk.incarnation(slot)), chunk.appendCount(slot))
  }

  /** The first index at or behind `index` where an event of these slices stands; the end if there is none. */
  seek(index: number, slices: ReadonlySet<number> | undefined): number {
    const { end } = this
    for (let next = index; next < end; ) {
      const chunk = this.#chunk(next)
      const slot = next % CHUNK_EVTS
      if (chunk === undefined || slot >= chunk.count) next += CHUNK_EVTS - slot
      else if (!chunk.isDeleted(slot) && slices?.has(this.#entity(chunk, slot).slice) !== false) return next
      else next++
    }
    return end
  }

  /** The first index behind a position. */
  after(position: number): number {
    const first = this.#chunks.findLastIndex((chunk) => chunk !== undefined && chunk.firstPosition <= position)
    return first === -1 ? 0 : first * CHUNK_EVTS + (this.#chunks[first]?.slotAfter(position) ?? 0)
  }

  /** The event at an index, undefined if there is none. */
  evt(index: number): PersistedEvt | undefined {
    const chunk = this.#chunk(index)
    const slot = index % CHUNK_EVTS
    if (chunk === undefined || slot >= chunk.count || chunk.isDeleted(slot)) return undefined
    return {
      key: this.#entity(chunk, slot).key,
      appendId: this.#appendId(chunk, slot),
      type: this.#evtTypes.textOf(chunk.type(slot)),
      ...chunk.packed(slot),
    }
  }

  /** Deletes the entity's events up to a seqNo. */
  delete(entity: JournalEntity, toSeqNo: number): void {
    const count = Math.min(toSeqNo, entity.seqNo) + 1 - this.firstSeqNo(entity)
    if (count <= 0) return
    if (count === entity.indexes.length) entity.tombstone = this.headAppendId(entity)
    for (const index of entity.indexes.splice(0, count)) {
      const chunk = this.#chunk(index)
      chunk?.delete(index % CHUNK_EVTS)
      if (chunk?.isFull && chunk.isDead) this.#chunks[Math.floor(index / CHUNK_EVTS)] = undefined
    }
  }

  #chunk(index: number): Chunk | undefined {
    return this.#chunks[Math.floor(index / CHUNK_EVTS)]
  }

  #entity(chunk: Chunk, slot: number): JournalEntity {
    const entity = this.#entities[chunk.entity(slot)]
    if (entity === undefined) throw new RangeError(`no entity for slot ${slot}`)
    return entity
  }
}

/** An array grown from nothing has room for 17, of which many entities need one. */
function keep(entity: JournalEntity, index: number): void {
  if (entity.indexes.length === 0) entity.indexes = [index]
  else entity.indexes.push(index)
}

function ring(waiting: Waiting | undefined): void {
  if (waiting === undefined || waiting.size === 0) return
  for (const wake of waiting) wake()
}
