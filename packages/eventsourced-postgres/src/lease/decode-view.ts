import { type GroupView, SLICE_COUNT } from 'eventsourced'

/** Decodes what `lease_view(…)` answers with: slices that were never taken are not in it. */
export function decodeView(json: string): GroupView {
  const view: unknown = JSON.parse(json)
  if (!isView(view)) throw new TypeError(`not a view of a group: ${json}`)
  const taken = new Map(view.leases.map(([slice, epoch, owner]) => [slice, { epoch, owner: owner ?? undefined }]))
  return {
    members: view.members,
    leases: Array.from({ length: SLICE_COUNT }, (_, slice) => ({
      slice,
      ...(taken.get(slice) ?? { epoch: 0, owner: undefined }),
    })),
  }
}

interface View {
  readonly members: readonly string[]
  readonly leases: readonly (readonly [slice: number, epoch: number, owner: string | null])[]
}

function isView(value: unknown): value is View {
  return typeof value === 'object' && value !== null && 'members' in value && 'leases' in value
}
