import { UnavailableError } from 'eventsourced'
import { type Batch, END_OF_BATCH, getBatch, MAX_PAGE_BYTES, NOT_FOUND } from '../../evt-log/read/direct-get.js'
import { persistently } from '../../wire/persistently.js'
import { CounterError, failingAs } from '../counter-error.js'
import { type CounterEntry, entryOf } from '../counter-entry.js'
import { at, type CounterStream, streamInfo } from '../counter-stream.js'
import { hasWildcard } from '../subjects.js'

/** The most subjects that the server lets one request match, 1,024, with some room. */
const MAX_MATCHES = 1_000
const MAX_REQUEST_BYTES = 262_144
const TOO_MANY_RESULTS = 413

/**
 * The counters on all subjects that the filters match, each once, as any replica has them. Where more match than the server answers at
 * once, they are listed first, and then asked for by name.
 */
export async function* matching(
  stream: CounterStream,
  filters: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<CounterEntry, void, void> {
  const seen = new Set<string>()
  for await (const entry of allMatching(stream, filters, signal)) {
    // Filters may overlap, and a counter that is added to meanwhile may come once more.
    if (seen.has(entry.subject)) continue
    seen.add(entry.subject)
    yield entry
  }
}

async function* allMatching(
  stream: CounterStream,
  filters: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<CounterEntry, void, void> {
  for (const portion of portionsOf(filters)) {
    let from = 0
    let page: Batch | undefined
    do {
      page = await lastOfEach(stream, portion, from, signal)
      if (page === undefined) break
      for (const msg of page.msgs) {
        signal.throwIfAborted()
        yield entryOf(stream.name, msg)
      }
      from = (page.msgs.at(-1)?.seq ?? 0) + 1
    } while (page.status === END_OF_BATCH && page.left > 0)
    if (page === undefined) yield* divided(stream, portion, signal)
  }
}

/** Asks for the names first. A name matches no more than itself, so what is asked for by name is never too much. */
async function* divided(
  stream: CounterStream,
  filters: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<CounterEntry, void, void> {
  const wild = filters.filter(hasWildcard)
  if (wild.length === 0) throw new CounterError('REQUEST', `${filters.length} counters are too many for the server`)
  yield* allMatching(
    stream,
    filters.filter((filter) => !hasWildcard(filter)),
    signal,
  )
  for (const filter of wild) {
    for await (const subjects of listed(stream, filter, signal)) yield* allMatching(stream, subjects, signal)
  }
}

/** The names of all counters that a filter matches, a page at a time: in their order, so that one that comes up meanwhile makes none missing. */
async function* listed(
  stream: CounterStream,
  filter: string,
  signal: AbortSignal,
): AsyncGenerator<readonly string[], void, void> {
  for (let offset = 0; ; ) {
    const info = await streamInfo(stream, { subjects_filter: filter, offset }, signal)
    const subjects = Object.keys(at(at(info, 'state'), 'subjects'))
    if (subjects.length === 0) return
    yield subjects
    offset += subjects.length
  }
}

/** A page of the last messages of the subjects that match, from a sequence on; undefined if too many match. */
async function lastOfEach(
  stream: CounterStream,
  filters: readonly string[],
  from: number,
  signal: AbortSignal,
): Promise<Batch | undefined> {
  const what = `reading counters of the stream ${stream.name}`
  // One message at least must fit.
  const maxBytes = Math.max(MAX_PAGE_BYTES, 2 * stream.wire.maxPayload)
  const query = { multi_last: filters, batch: MAX_MATCHES, max_bytes: maxBytes, ...(from > 0 ? { seq: from } : {}) }
  const ask = async () => {
    const batch = await getBatch(stream, what, query)
    if (batch.status === TOO_MANY_RESULTS) return undefined
    if (batch.status === END_OF_BATCH || batch.status === NOT_FOUND) return batch
    throw new UnavailableError(`${what}: ${batch.words}`)
  }
  return failingAs('REQUEST', () => persistently(stream, what, signal, ask), signal)
}

/** Parts of a list of filters, each of which fits a request. */
function* portionsOf(filters: readonly string[]): Generator<readonly string[], void, void> {
  let portion: string[] = []
  let bytes = 0
  for (const filter of filters) {
    const size = Buffer.byteLength(filter) + 3
    if (portion.length === MAX_MATCHES || (portion.length > 0 && bytes + size > MAX_REQUEST_BYTES)) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(filter)
    bytes += size
  }
  if (portion.length > 0) yield portion
}
