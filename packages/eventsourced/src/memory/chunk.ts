import type { NewEvt, PersistedEvt } from '../log/evt-log.js'

/** How many events a chunk holds at most. */
export const CHUNK_EVTS = 1_024
/** From how many bytes on a chunk takes no further event. */
const CHUNK_BYTES = 2 ** 20
const FIRST_BYTES = 2 ** 15
const NO_METADATA: PersistedEvt['metadata'] = Object.freeze({})

const SEPARATOR = '\0'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

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
  /** Where in the run of bytes an event's parts start; an event's bytes go up to `#ends`. */
  readonly #appendIds = new Uint32Array(CHUNK_EVTS)
  readonly #metadata = new Uint32Array(CHUNK_EVTS)
  readonly #starts = new Uint32Array(CHUNK_EVTS)
  readonly #ends = new Uint32Array(CHUNK_EVTS)
  #run = new Uint8Array(FIRST_BYTES)
  #used = 0
  #appendId = ''
  #appendIdStart = 0
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

  /** Packs an event; answers its slot. */
  add(evt: NewEvt, entity: number, type: number, stored: Stored): number {
    const slot = this.#count++
    this.#seqNos[slot] = stored.seqNo
    this.#positions[slot] = stored.position
    this.#times[slot] = stored.time
    this.#entities[slot] = entity
    this.#types[slot] = type
    this.#versions[slot] = evt.version
    this.#appendIds[slot] = this.#addAppendId(stored.appendId)
    this.#metadata[slot] = this.#used
    this.#addMetadata(evt.metadata)
    this.#starts[slot] = this.#used
    this.#reserve(evt.bytes.length)
    this.#run.set(evt.bytes, this.#used)
    this.#used += evt.bytes.length
    this.#ends[slot] = this.#used
    return slot
  }

  /** The events of one append share its id. */
  #addAppendId(appendId: string): number {
    if (appendId === this.#appendId) return this.#appendIdStart
    this.#reserve(appendId.length + 1)
    this.#appendId = appendId
    this.#appendIdStart = this.#used
    this.#run[this.#used++] = appendId.length
    for (let index = 0; index < appendId.length; index++) this.#run[this.#used++] = appendId.charCodeAt(index)
    return this.#appendIdStart
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
    const grown = new Uint8Array(Math.max(needed, this.#run.length * 2))
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

  appendId(slot: number): string {
    const start = at(this.#appendIds, slot)
    return decoder.decode(this.#run.subarray(start + 1, start + 1 + at(this.#run, start)))
  }

  /** The event of a slot, free for the taker to change. */
  evt(slot: number, key: PersistedEvt['key'], type: string): PersistedEvt {
    const start = at(this.#starts, slot)
    return {
      key,
      seqNo: at(this.#seqNos, slot),
      position: at(this.#positions, slot),
      appendId: this.appendId(slot),
      type,
      version: at(this.#versions, slot),
      bytes: this.#run.slice(start, at(this.#ends, slot)),
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

/** What the log adds to an event. */
export interface Stored {
  readonly seqNo: number
  readonly position: number
  readonly time: number
  readonly appendId: string
}

function at(column: Float64Array | Uint32Array | Uint8Array, slot: number): number {
  const value = column[slot]
  if (value === undefined) throw new RangeError(`no event in slot ${slot}`)
  return value
}
