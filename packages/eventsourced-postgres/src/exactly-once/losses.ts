import { type Batch, sliceOf } from 'eventsourced'

/** How often in a row a connection must be lost to events until it is taken for their doing. */
export const LOSSES = 3
/** How many events are remembered at most. */
const MAX_REMEMBERED = 10_000

/**
 * To which events connections were lost, and how often since they were last handled: a server that restarts loses a connection now and then, but an event that
 * crashes its backend does so each time. Between two losses the slices were claimed anew, so the server was well.
 */
export interface Losses {
  /** Whether events must each be tried alone, which tells who is to blame: several that connections were lost to together, or one that was alone then. */
  mustPart<Evt>(batch: Batch<Evt>): boolean
  /** @returns whether it is the doing of the event that was alone; never of several */
  add<Evt>(batch: Batch<Evt>, index: number | undefined): boolean
  /** The batch was delivered, as far as its moves say. */
  clear<Evt>(batch: Batch<Evt>): void
}

/** Counts the connections that were lost. */
export function countLosses(): Losses {
  const together = new Map<string, number>()
  const alone = new Map<string, number>()
  return {
    mustPart: (batch) => {
      if ((together.size === 0 && alone.size === 0) || batch.evts.length < 2) return false
      return namesOf(batch).some((name) => (together.get(name) ?? 0) >= LOSSES || alone.has(name))
    },
    add: (batch, index) => {
      const names = namesOf(batch)
      const culprit = names.length === 1 ? names[0] : index === undefined ? undefined : names[index]
      if (culprit !== undefined) return count(alone, culprit) >= LOSSES
      for (const name of names) count(together, name)
      return false
    },
    clear: (batch) => {
      if (together.size === 0 && alone.size === 0) return
      const ends = new Map(batch.moves().map(({ slice, offset }) => [slice, offset.position]))
      const evts = batch.evts.filter(({ key, position }) => position <= (ends.get(sliceOf(key.id)) ?? 0))
      for (const name of namesOf(batch, evts)) {
        together.delete(name)
        alone.delete(name)
      }
    },
  }
}

/** Counts one more. Those counted first are forgotten first: they were given up long ago. */
function count(losses: Map<string, number>, name: string): number {
  const times = (losses.get(name) ?? 0) + 1
  losses.delete(name)
  losses.set(name, times)
  const [first] = losses.keys()
  if (losses.size > MAX_REMEMBERED && first !== undefined) losses.delete(first)
  return times
}

/** Names events of a batch; or the mark of an entity that was forgotten, on which its slice then stands. */
function namesOf<Evt>(batch: Batch<Evt>, evts = batch.evts): readonly string[] {
  const { name, version } = batch.projection
  const positions =
    evts.length > 0 ? evts.map(({ position }) => position) : batch.moves().map(({ offset }) => offset.position)
  return positions.map((position) => `${name}-v${version}:${position}`)
}
