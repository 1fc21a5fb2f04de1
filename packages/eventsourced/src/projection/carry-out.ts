import type { Courier } from './courier.js'
import { strideOf } from './item.js'
import type { OffsetStore, ParkedEvt } from './offset-store.js'
import type { ProjectionKey } from './projection-key.js'
import type { Request } from './registry.js'
import type { SliceState } from './slice-state.js'

/** What requests are carried out with. */
export interface CarryOut<Evt> {
  readonly key: ProjectionKey
  readonly store: OffsetStore
  readonly courier: Courier<Evt>
}

/**
 * Carries out a request on a slice of ours, between two deliveries. Its last write notes it as done, so that it is carried out once, whatever
 * becomes of the list.
 *
 * @throws the store's failure: what was done of it by then is done, and doing it again is no harm
 */
export async function carryOut<Evt>(tools: CarryOut<Evt>, state: SliceState, request: Request): Promise<void> {
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
  { key, store, courier }: CarryOut<Evt>,
  state: SliceState,
  { id, slice, position }: Request & { readonly kind: 'reset' },
): Promise<void> {
  const unpark: number[] = []
  const parkedIds = new Set<string>()
  for await (const { evt } of store.parked(key, { slice })) {
    // Those behind the position come again.
    if (evt.position > position) unpark.push(evt.position)
    else parkedIds.add(evt.key.id)
  }
  const offset = { position, appendId: '', id: '', seqNo: 0 }
  await courier.move([strideOf(state, { offset, failure: undefined, done: id, unpark })])
  state.parkedIds = parkedIds
  rereadIfClaimed(state)
}

async function retry<Evt>(
  tools: CarryOut<Evt>,
  state: SliceState,
  { id, slice, entityId }: Request & { readonly kind: 'retry' },
): Promise<void> {
  const { courier } = tools
  for (const parked of await parkedOf(tools, slice, entityId)) {
    if ((await courier.retryParked(state, parked)) !== undefined) break
    if (state.phase === 'unclaimed') return
  }
  await finish(tools, state, { id, slice, entityId })
}

async function drop<Evt>(
  tools: CarryOut<Evt>,
  state: SliceState,
  { id, slice, entityId, seqNo }: Request & { readonly kind: 'drop' },
): Promise<void> {
  const parked = await parkedOf(tools, slice, entityId)
  const dropped = parked.filter(({ evt }) => seqNo === undefined || evt.seqNo === seqNo)
  await tools.courier.move([strideOf(state, { unpark: dropped.map(({ evt }) => evt.position) })])
  await finish(tools, state, { id, slice, entityId })
}

/** Notes the request as done, and lets the entity go on if nothing of it is parked any more. */
async function finish<Evt>(
  tools: CarryOut<Evt>,
  state: SliceState,
  { id, slice, entityId }: { readonly id: string; readonly slice: number; readonly entityId: string },
): Promise<void> {
  await tools.courier.move([strideOf(state, { done: id })])
  if ((await parkedOf(tools, slice, entityId)).length === 0) state.parkedIds.delete(entityId)
}

async function parkedOf<Evt>({ key, store }: CarryOut<Evt>, slice: number, id: string): Promise<readonly ParkedEvt[]> {
  const list: ParkedEvt[] = []
  for await (const parked of store.parked(key, { slice, id })) list.push(parked)
  return list
}

function rereadIfClaimed(state: SliceState): void {
  if (state.phase !== 'unclaimed') state.reread()
}
