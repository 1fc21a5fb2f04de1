import type { Courier } from './courier.js'
import { failureOf, strideOf } from './item.js'
import { isUnstorable, type OffsetStore, type ParkedEvt } from './offset-store.js'
import type { ProjectionSetup } from './options.js'
import type { Request } from './registry.js'
import type { SliceState } from './slice-state.js'

/** What slices are claimed, and requests are carried out, with. */
export interface SliceTools<Evt> {
  readonly setup: ProjectionSetup<Evt>
  readonly store: OffsetStore
  readonly courier: Courier<Evt>
}

/** How many parked events are dropped, and for how long they are retried in milliseconds, before others have their turn. */
const PIECE = { count: 500, ms: 500 }

/**
 * Carries out a piece of a request on a slice of ours, between two deliveries: however many events are parked, the other slices wait for no more
 * than that. Its last write notes it as done with the slice's record, so that it is carried out once, whatever becomes of the list. One that the store
 * refuses is given up, and its slice stops and says so.
 *
 * @throws the store's failure: what was done of it by then is done, and doing it again is no harm
 */
export async function carryOut<Evt>(tools: SliceTools<Evt>, state: SliceState, request: Request): Promise<void> {
  try {
    await carryOutPiece(tools, state, request)
  } catch (error) {
    if (!isUnstorable(error)) throw error
    state.stop()
    await tools.courier.move([strideOf(state, { failure: failureOf(error, 1, true), done: request.id })])
  }
}

async function carryOutPiece<Evt>(tools: SliceTools<Evt>, state: SliceState, request: Request): Promise<void> {
  switch (request.kind) {
    case 'reset':
      return reset(tools, state, request)
    case 'resume':
      await tools.courier.move([strideOf(state, { failure: undefined, done: request.id })])
      // To be claimed anew, which looks at its offset again: it may have stopped since the log lost events.
      return state.unclaim()
    case 'retry':
      return retry(tools, state, request)
    case 'drop':
      return drop(tools, state, request)
  }
}

async function reset<Evt>(
  tools: SliceTools<Evt>,
  state: SliceState,
  { id, position }: Request & { readonly kind: 'reset' },
): Promise<void> {
  // Those behind the position come again.
  const unpark = await somePositions(tools, state, { isMeant: ({ evt }) => evt.position > position })
  if (unpark.length === PIECE.count) return tools.courier.move([strideOf(state, { unpark })])
  const offset = { position, appendId: '', id: '', seqNo: 0 }
  await tools.courier.move([strideOf(state, { offset, failure: undefined, done: id, unpark })])
  // To be claimed anew, which tells who still has parked events.
  state.unclaim()
}

async function retry<Evt>(
  tools: SliceTools<Evt>,
  state: SliceState,
  request: Request & { readonly kind: 'retry' },
): Promise<void> {
  const { setup, store, courier } = tools
  const startedAt = performance.now()
  for await (const parked of store.parked(setup.key, { slice: state.slice, id: request.entityId })) {
    if ((await courier.retryParked(state, parked)) !== undefined) break
    if (state.phase === 'unclaimed' || performance.now() - startedAt > PIECE.ms) return
  }
  await finish(tools, state, request)
}

async function drop<Evt>(
  tools: SliceTools<Evt>,
  state: SliceState,
  request: Request & { readonly kind: 'drop' },
): Promise<void> {
  const { entityId, seqNo } = request
  const isMeant = ({ evt }: ParkedEvt) => seqNo === undefined || evt.seqNo === seqNo
  const unpark = await somePositions(tools, state, { id: entityId, isMeant })
  await tools.courier.move([strideOf(state, { unpark })])
  if (unpark.length < PIECE.count) await finish(tools, state, request)
}

/** Notes the request as done, and lets the entity go on if nothing of it is parked any more. */
async function finish<Evt>(
  tools: SliceTools<Evt>,
  state: SliceState,
  { id, entityId }: Request & { readonly kind: 'retry' | 'drop' },
): Promise<void> {
  await tools.courier.move([strideOf(state, { done: id })])
  for await (const _ of tools.store.parked(tools.setup.key, { slice: state.slice, id: entityId })) return
  state.parkedIds.delete(entityId)
}

/** Drops what is parked of an entity that was forgotten: nothing waits behind it any more. */
export async function dropForgotten<Evt>(tools: SliceTools<Evt>, state: SliceState, id: string): Promise<void> {
  while (state.parkedIds.has(id) && state.phase !== 'unclaimed') {
    const unpark = await somePositions(tools, state, { id, isMeant: () => true })
    await tools.courier.move([strideOf(state, { unpark })])
    if (unpark.length < PIECE.count) state.parkedIds.delete(id)
  }
}

/** The positions of the first parked events that are meant: no more than a piece. */
async function somePositions<Evt>(
  { setup, store }: SliceTools<Evt>,
  { slice }: SliceState,
  { id, isMeant }: { readonly id?: string; readonly isMeant: (parked: ParkedEvt) => boolean },
): Promise<readonly number[]> {
  const positions: number[] = []
  for await (const parked of store.parked(setup.key, { slice, ...(id !== undefined && { id }) })) {
    if (isMeant(parked)) positions.push(parked.evt.position)
    if (positions.length === PIECE.count) break
  }
  return positions
}
