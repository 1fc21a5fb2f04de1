import type { PersistedEvt } from '../log/evt-log.js'

/** Consecutive events of one append; not empty. */
export type Run = readonly [PersistedEvt, ...PersistedEvt[]]

const MAX_EVTS = 1_000
const MAX_BYTES = 1_048_576
/** What an event weighs besides its payload and metadata, about. */
const EVT_OVERHEAD = 200

/** The events in runs of one append each, as far as they stand behind one another. A long one is cut. */
export async function* runs(evts: AsyncIterable<PersistedEvt>): AsyncGenerator<Run, void, void> {
  let run: [PersistedEvt, ...PersistedEvt[]] | undefined
  let bytes = 0
  for await (const evt of evts) {
    const weight = weightOf(evt)
    bytes += weight
    if (run !== undefined && isNext(run, evt) && run.length < MAX_EVTS && bytes <= MAX_BYTES) {
      run.push(evt)
      continue
    }
    if (run !== undefined) yield run
    run = [evt]
    bytes = weight
  }
  if (run !== undefined) yield run
}

function isNext(run: Run, { key, appendId, seqNo }: PersistedEvt): boolean {
  const [first] = run
  return key.id === first.key.id && appendId === first.appendId && seqNo === first.seqNo + run.length
}

/** How many bytes a run holds in memory, about. */
export function bytesOf(run: Run): number {
  return run.reduce((sum, evt) => sum + weightOf(evt), 0)
}

function weightOf({ bytes, metadata }: PersistedEvt): number {
  let weight = bytes.byteLength + EVT_OVERHEAD
  for (const name in metadata) weight += 2 * (name.length + (metadata[name]?.length ?? 0))
  return weight
}
