import type { Step } from '../database/migrate.js'
import { createDeleteSnapshots } from '../sql/delete-snapshots.js'
import { createLoadChunks } from '../sql/load-chunks.js'
import { createSaveSnapshot } from '../sql/save-snapshot.js'
import { createSnapshots } from '../sql/create-snapshots.js'
import { snapshotsInChunks } from '../sql/snapshots-in-chunks.js'

/** The steps of the snapshots' schema. */
export const SNAPSHOT_STEPS: readonly Step[] = [
  (names) => [createSnapshots(names)],
  (names) => [
    snapshotsInChunks(names),
    createSaveSnapshot(names),
    createLoadChunks(names),
    createDeleteSnapshots(names),
  ],
]
