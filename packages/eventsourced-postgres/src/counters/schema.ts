import { FUNCTIONS_ONLY, type Schema } from '../database/migrate.js'
import { createChanges } from './sql/changes.js'
import { createClear } from './sql/clear.js'
import { createCounters } from './sql/create-counters.js'
import { createHeartbeat } from './sql/heartbeat.js'
import { createSlices } from './sql/slices.js'
import { createSweep } from './sql/sweep.js'

/** The counters' schema. */
export const COUNTER_SCHEMA: Schema = {
  kind: 'counters',
  steps: [createCounters, FUNCTIONS_ONLY, FUNCTIONS_ONLY],
  functions: (names) => [
    createHeartbeat(names),
    createSlices(names),
    createChanges(names),
    createClear(names),
    createSweep(names),
  ],
}
