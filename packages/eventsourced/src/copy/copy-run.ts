import { type BackOff, backOff } from '../entity/back-off.js'
import { hasCode } from '../errors.js'
import type { Head } from '../log/evt-log.js'
import { fill } from './fill.js'
import type { PatientLog } from './patient-log.js'
import type { Run } from './runs.js'
import type { Targets } from './targets.js'

/** What copying works with. */
export interface Copying {
  readonly to: PatientLog
  readonly targets: Targets
  readonly signal: AbortSignal | undefined
}

const CONFLICT: BackOff = { start: 20, max: 2_000 }
/** Two copies at once get into each other's way, but one of them gets on each time. */
const MAX_CONFLICTS = 20

/** Stores what is missing of a run, and answers how many events that were. */
export async function copyRun({ to, targets, signal }: Copying, run: Run): Promise<number> {
  const { key, seqNo } = run[0]
  let copied = 0
  for (let conflicts = 0; ; ) {
    const head = await targets.head(run[0], signal)
    const [first, ...others] = run.slice(Math.max(0, head.seqNo + 1 - seqNo))
    if (first === undefined) return copied
    try {
      const stored = await store(to, head, [first, ...others])
      targets.moved(key, stored.head)
      copied += stored.count
    } catch (error) {
      targets.forget(key)
      if (!hasCode(error, 'CONFLICT') || conflicts++ === MAX_CONFLICTS) throw error
      await backOff(CONFLICT, conflicts)
    }
  }
}

/** Stores some of the events, or sees to it that they can be stored; answers with the head, and with how many were stored. */
async function store(to: PatientLog, expected: Head, evts: Run): Promise<{ head: Head; count: number }> {
  const { key, appendId, seqNo } = evts[0]
  if (seqNo > expected.seqNo + 1) return { head: await fill(to, evts[0], expected), count: 0 }
  const { head, positions } = await to.persist({ key, expected, appendId, groups: evts.map((evt) => [evt]) })
  return { head, count: positions.length }
}
