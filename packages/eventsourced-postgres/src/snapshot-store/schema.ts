import { FUNCTIONS_ONLY, type Schema } from '../database/migrate.js'
import { createDeleteSnapshots } from '../sql/delete-snapshots.js'
import { createLoadChunks } from '../sql/load-chunks.js'
import { createSaveSnapshot } from '../sql/save-snapshot.js'
import { createSnapshots } from '../sql/create-snapshots.js'
import { snapshotsInChunks } from '../sql/snapshots-in-chunks.js'

/** The snapshots' schema. */
export const SNAPSHOT_SCHEMA: Schema = {
  kind: 'snapshots',
  steps: [(names) => [createSnapshots(names)], (names) => [snapshotsInChunks(names)], FUNCTIONS_ONLY, FUNCTIONS_ONLY],
  functions: (names) => [createSaveSnapshot(names), createLoadChunks(names), createDeleteSnapshots(names)],
}
