/** A slice of a group, and whose it is. */
export interface Lease {
  /** 0 to 63. */
  readonly slice: number
  /** Grows with each change of ownership; 0 if the slice was never held. Whatever its owner writes is fenced by it. */
  readonly epoch: number
  /** The live member that holds it; undefined if it is free: never taken, released, or its holder has left or expired. */
  readonly owner: string | undefined
}

/** How a group stands. */
export interface GroupView {
  /** The live members. */
  readonly members: readonly string[]
  /** All 64 slices, in order. */
  readonly leases: readonly Lease[]
}

/** What a member hears of its heartbeat. An expired member never lives again: its process joins anew, under another name. */
export type Renewed = { readonly kind: 'live'; readonly view: GroupView } | { readonly kind: 'expired' }

/**
 * Keeps who owns which of the 64 slices of named groups, of which there may be any number. A member holds its slices for as long as it
 * lives, and it lives for `ttlMs` after each heartbeat, by the clock of the store. So one write renews all that a member holds.
 *
 * What a backend must keep to is written down as tests: `leaseStoreSuite` of `eventsourced/testing`. A failure is a {@link RefusedError} or an
 * {@link UnavailableError}; after one, whatever was asked may have been carried out, and the next view tells.
 */
export interface LeaseStore {
  /** How long a member lives after a heartbeat, in milliseconds. All processes of a group must agree on it. */
  readonly ttlMs: number
  /** Adds a member. Names are used once: a joining that failed is tried again under another one. */
  join(group: string, member: string): Promise<GroupView>
  /** The heartbeat: the member lives on for `ttlMs`, unless it has expired, left, or never was. */
  renew(group: string, member: string): Promise<Renewed>
  /**
   * Takes slices that a view showed as free. Of two that take the same, one gets it: a slice is taken only if its epoch is still the one
   * seen and its owner doesn't live; its epoch grows by one. A member that doesn't live gets nothing.
   *
   * @returns the leases that were taken, with their new epochs
   */
  take(group: string, member: string, seen: readonly Lease[]): Promise<readonly Lease[]>
  /** Frees slices; those that are not the member's are left alone. Their epochs stay. */
  release(group: string, member: string, slices: readonly number[]): Promise<void>
  /** Removes a member, and so frees all that it holds at once. Nothing happens if there is no such member. */
  leave(group: string, member: string): Promise<void>
  /** How a group stands, for onlookers. An unknown group has no members, and 64 slices that were never held. */
  view(group: string): Promise<GroupView>
  /** Calls back, soon after, when a slice was freed or taken, or a member came or left; where it is missing, the group is looked at every so often. */
  watch?(group: string, onChange: () => void): { readonly stop: () => void }
}
