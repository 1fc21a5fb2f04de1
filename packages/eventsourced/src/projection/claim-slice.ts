import { asError, hasCode } from '../errors.js'
import type { SliceTools } from './carry-out.js'
import type { CheckOffset } from './check-offset.js'
import { failureOf, type Stride, strideOf } from './item.js'
import type { SliceState } from './slice-state.js'

/** How long to wait before a slice is claimed again that has a later owner: by then its lease should tell so, too. */
const FENCED_MS = 1_000

/** How long to wait before a log that lost events is looked at again. */
const LOST_MS = 2_000

/** How often in a row a slice's events could not be handled, without their fault, until its status says so. */
const LASTING = 3

/**
 * Makes a slice's record ours, and sees that the log still has what it stands on; a slice that has lost it stops, and says so, until it is claimed
 * again: the log may have been restored by then, or have been asked through a server that was behind. One that has a later owner stays unclaimed.
 *
 * @throws the store's or the log's failure: the slice is still unclaimed
 */
export async function claimSlice<Evt>(
  { setup, store, courier }: SliceTools<Evt>,
  state: SliceState,
  check: CheckOffset,
): Promise<void> {
  const claimed = await store.claim(setup.key, state.slice, state.epoch)
  if (claimed.kind === 'fenced') {
    state.unclaim(performance.now() + FENCED_MS)
    setup.logger.warn({ slice: state.slice, epoch: state.epoch }, 'the slice has a later owner')
    return
  }
  const wasLost = claimed.record.failure?.code === 'LOG_LOST_EVENTS'
  try {
    await check(claimed.record.offset, wasLost)
    state.claimed(claimed)
    if (wasLost) await courier.move([strideOf(state, { failure: undefined })])
  } catch (error) {
    if (!hasCode(error, 'LOG_LOST_EVENTS')) throw error
    state.claimed(claimed)
    state.stop()
    state.claimAt = performance.now() + LOST_MS
    if (wasLost) return
    setup.logger.error({ slice: state.slice, err: error }, 'the log lost events that were handled: the slice stops')
    await courier.move([strideOf(state, { failure: failureOf(asError(error), 1, true) })])
  }
}

/** Notes what has kept a slice's events from being handled for a while, so that its status says so. */
export function troubleStride(state: SliceState): readonly Stride[] {
  const { trouble } = state
  if (trouble === undefined || trouble.times < LASTING) return []
  return [strideOf(state, { failure: failureOf(trouble.error, trouble.times, false) })]
}
