import type { ForgottenEntity, ProjectedEvt } from './delivery.js'
import { type Item, Projected } from './item.js'

/** What a handler is called for. */
export interface Load<Evt> {
  readonly evts: readonly ProjectedEvt<Evt>[]
  readonly forgotten: ForgottenEntity | undefined
}

export const NOTHING = { evts: [], forgotten: undefined } as const

/** What of these items is for the handler. */
export function loadOf<Evt>(items: readonly Item<Evt>[]): Load<Evt> {
  const evts: ProjectedEvt<Evt>[] = []
  for (const { stored, fate } of items) {
    if (fate.kind === 'handle') evts.push(new Projected(stored, fate.evt))
  }
  const [first] = items
  return { evts, forgotten: first?.fate.kind === 'forget' ? first.fate.entity : undefined }
}
