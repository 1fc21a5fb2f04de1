import type { Step } from '../database/migrate.js'
import { createChanges } from './sql/changes.js'
import { createClear } from './sql/clear.js'
import { createCounters } from './sql/create-counters.js'
import { createHeartbeat } from './sql/heartbeat.js'
import { createSlices } from './sql/slices.js'
import { createSweep } from './sql/sweep.js'

/** The steps of the counters' schema. */
export const COUNTER_STEPS: readonly Step[] = [
  (names) => [
    ...createCounters(names),
    createHeartbeat(names),
    createSlices(names),
    createClear(names),
    createSweep(names),
  ],
  (names) => [createChanges(names), createClear(names), createSweep(names)],
]
