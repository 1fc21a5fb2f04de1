import { show } from '../errors.js'
import type { Metadata } from '../domain/event-sourced.js'
import type { PersistedEvt } from '../log/evt-log.js'
import { CopyDiffersError } from './copy-differs-error.js'

/**
 * Compares an entity's events with their copies, one by one, and answers with the seqNo of the last. What one of the logs has deleted is passed
 * over.
 *
 * @throws {CopyDiffersError}
 */
export async function compare(evts: AsyncIterable<PersistedEvt>, copies: AsyncIterable<PersistedEvt>): Promise<number> {
  const next = copies[Symbol.asyncIterator]()
  let last = 0
  try {
    let copy = await next.next()
    for await (const evt of evts) {
      last = evt.seqNo
      while (copy.done !== true && copy.value.seqNo < evt.seqNo) copy = await next.next()
      const difference = copy.done !== true && copy.value.seqNo === evt.seqNo && differenceOf(evt, copy.value)
      if (typeof difference === 'string') throw new CopyDiffersError(evt.key, evt.seqNo, difference)
    }
    return last
  } finally {
    await next.return?.()
  }
}

/** In what a copy differs, in words; undefined if in nothing. Position and time are each log's own. */
function differenceOf(evt: PersistedEvt, copy: PersistedEvt): string | undefined {
  for (const field of ['type', 'version', 'appendId'] as const) {
    if (evt[field] !== copy[field]) return `its ${field} is ${show(copy[field])} instead of ${show(evt[field])}`
  }
  if (Buffer.compare(evt.bytes, copy.bytes) !== 0) {
    return `its bytes differ (${copy.bytes.byteLength} of them instead of ${evt.bytes.byteLength}, or others)`
  }
  const name = nameThatDiffers(evt.metadata, copy.metadata) ?? nameThatDiffers(copy.metadata, evt.metadata)
  return name === undefined ? undefined : `its metadata differ in ${show(name)}`
}

function nameThatDiffers(left: Metadata, right: Metadata): string | undefined {
  return Object.keys(left).find((name) => !Object.hasOwn(right, name) || left[name] !== right[name])
}
