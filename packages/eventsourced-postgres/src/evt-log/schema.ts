import { FUNCTIONS_ONLY, type Schema } from '../database/migrate.js'
import { createAlignPositions } from '../sql/align-positions.js'
import { createAppendBatch } from '../sql/append-batch.js'
import { createAppendOne } from '../sql/append-one.js'
import { createDeleteEvts } from '../sql/delete-evts.js'
import { createEntityHead } from '../sql/entity-head.js'
import { createEntityIds } from '../sql/entity-ids.js'
import { createEvents } from '../sql/create-events.js'
import { createEvtsById } from '../sql/evts-by-id.js'
import { createEvtsByType } from '../sql/evts-by-type.js'
import { createEvtUpTo } from '../sql/evt-up-to.js'
import { createHeadPosition } from '../sql/head-position.js'
import { createStoredOfAppend } from '../sql/stored-of-append.js'

/** The event log's schema. */
export const EVT_LOG_SCHEMA: Schema = {
  kind: 'events',
  steps: [(names) => [createEvents(names)], ...Array.from({ length: 8 }, () => FUNCTIONS_ONLY)],
  functions: (names) => [
    createAppendOne(names),
    createAppendBatch(names),
    createStoredOfAppend(names),
    createEntityHead(names),
    createHeadPosition(names),
    createAlignPositions(names),
    createDeleteEvts(names),
    createEntityIds(names),
    createEvtsById(names),
    createEvtsByType(names),
    createEvtUpTo(names),
  ],
}
