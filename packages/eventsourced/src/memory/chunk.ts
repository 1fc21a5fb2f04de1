import type { NewEvt, PersistedEvt } from '../log/evt-log.js'

/** How many events a chunk holds at most. */
export const CHUNK_EVTS = 1_024
/** From how many bytes on a chunk takes no further event. */
const CHUNK_BYTES = 2 ** 20
const FIRST_BYTES = 2 ** 15
/** Up to this size a loop is quicker than a call. */
const LOOPED_BYTES = 64
const NO_METADATA: PersistedEvt['metadata'] = Object.freeze({})

const SEPARATOR = '\0'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Whose event is added: the entity's number in its journal, and where it stands with the event. */
interface Owner {
  readonly ordinal: number
  readonly seqNo: number
  readonly position: number
}

/** Of which append an event is (its writer's number in the journal, and which of that writer's it is), and when it is stored. */
interface Origin {
  readonly incarnation: number
  readonly count: number
  readonly time: number
}

/** What a chunk itself knows of an event. */
type Packed = Omit<PersistedEvt, 'key' | 'appendId' | 'type'>

/**
 * Some events, packed: columns of numbers and one run of bytes, so that a million kept events are a few thousand objects to the
 * garbage collector. Packing copies, so that nobody can change afterwards what is stored.
 */
export class Chunk {
  readonly #seqNos = new Float64Array(CHUNK_EVTS)
  readonly #positions = new Float64Array(CHUNK_EVTS)
  readonly #times = new Float64Array(CHUNK_EVTS)
  readonly #entities = new Uint32Array(CHUNK_EVTS)
  readonly #types = new Uint32Array(CHUNK_EVTS)
  readonly #versions = new Uint32Array(CHUNK_EVTS)
  readonly #incarnations = new Uint32Array(CHUNK_EVTS)
  readonly #appendCounts = new Float64Array(CHUNK_EVTS)
  /** Where in the run of bytes an event's metadata starts, and where its bytes; they go up to the next event's metadata. */
  readonly #metadata = new Uint32Array(CHUNK_EVTS + 1)
  readonly #starts = new Uint32Array(CHUNK_EVTS)
  #run = Buffer.alloc(FIRST_BYTES)
  #used = 0
  #count = 0
  #deletedCount = 0

  get isFull(): boolean {
    return this.#count === CHUNK_EVTS || this.#used >= CHUNK_BYTES
  }

  /** Whether all of its events are deleted. */
  get isDead(): boolean {
    return this.#deletedCount === this.#count
  }

  get count(): number {
    return this.#count
  }

  /** Packs an event of an entity where that now stands; answers its slot. */
  add(evt: NewEvt, type: number, { ordinal, seqNo, position }: Owner, { incarnation, count, time }: Origin): number {
    const slot = this.#count++
    this.#seqNos[slot] = seqNo
    this.#positions[slot] = position
    this.#times[slot] = time
    this.#entities[slot] = ordinal
    this.#types[slot] = type
    this.#versions[slot] = evt.version
    this.#incarnations[slot] = incarnation
    this.#appendCounts[slot] = count
    this.#addMetadata(evt.metadata)
    this.#starts[slot] = this.#used
    this.#addBytes(evt.bytes)
    this.#metadata[slot + 1] = this.#used
    return slot
  }

  #addBytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.#reserve(length)
    if (length > LOOPED_BYTES) this.#run.set(bytes, this.#used)
    else for (let index = 0; index < length; index++) this.#run[this.#used + index] = bytes[index] ?? 0
    this.#used += length
  }

  /** Names and values in turn. Neither has a NUL, so it may separate them. */
  #addMetadata(metadata: NewEvt['metadata']): void {
    if (isEmpty(metadata)) return
    const text = Object.entries(metadata).flat().join(SEPARATOR)
    this.#reserve(text.length * 3)
    this.#used += encoder.encodeInto(text, this.#run.subarray(this.#used)).written
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes
    if (needed <= this.#run.length) return
    const grown = Buffer.alloc(Math.max(needed, this.#run.length * 2))
    grown.set(this.#run)
    this.#run = grown
  }

  delete(slot: number): void {
    this.#seqNos[slot] = 0
    this.#deletedCount++
  }

  isDeleted(slot: number): boolean {
    return this.#seqNos[slot] === 0
  }

  get firstPosition(): number {
    return at(this.#positions, 0)
  }

  /** The first slot behind a position; the count if there is none. */
  slotAfter(position: number): number {
    const slot = this.#positions.subarray(0, this.#count).findIndex((one) => one > position)
    return slot === -1 ? this.#count : slot
  }

  entity(slot: number): number {
    return at(this.#entities, slot)
  }

  type(slot: number): number {
    return at(this.#types, slot)
  }

  incarnation(slot: number): number {
    return at(this.#incarnations, slot)
  }

  appendCount(slot: number): number {
    return at(this.#appendCounts, slot)
  }

  /** What is known here of the event of a slot, free for the taker to change. */
  packed(slot: number): Packed {
    const start = at(this.#starts, slot)
    return {
      seqNo: at(this.#seqNos, slot),
      position: at(this.#positions, slot),
      version: at(this.#versions, slot),
      bytes: new Uint8Array(this.#run.subarray(start, at(this.#metadata, slot + 1))),
      time: new Date(at(this.#times, slot)),
      metadata: this.#readMetadata(at(this.#metadata, slot), start),
    }
  }

  #readMetadata(start: number, end: number): PersistedEvt['metadata'] {
    if (start === end) return NO_METADATA
    const texts = decoder.decode(this.#run.subarray(start, end)).split(SEPARATOR)
    return Object.fromEntries(texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : [])))
  }
}

function isEmpty(metadata: NewEvt['metadata']): boolean {
  for (const _ in metadata) return false
  return true
}

function at(column: Float64Array | Uint32Array, slot: number): number {
  const value = column[slot]
  if (value === undefined) throw new RangeError(`no event in slot ${slot}`)
  return value
}
