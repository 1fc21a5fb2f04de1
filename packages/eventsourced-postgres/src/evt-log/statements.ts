import { type Statement, statement } from '../database/statement.js'
import type { Names } from '../names.js'
import { alignPositions } from '../sql/align-positions.js'
import { appendBatch } from '../sql/append-batch.js'
import { appendOne } from '../sql/append-one.js'
import { deleteEvts } from '../sql/delete-evts.js'
import { entityHead } from '../sql/entity-head.js'
import { entityIds } from '../sql/entity-ids.js'
import { evtsById } from '../sql/evts-by-id.js'
import { evtsByType } from '../sql/evts-by-type.js'
import { evtUpTo } from '../sql/evt-up-to.js'
import { headPosition } from '../sql/head-position.js'
import { lookForEvt } from '../sql/look-for-evt.js'
import { storedOfAppend } from '../sql/stored-of-append.js'

/** The statements of a log, named for being prepared if they may be. */
export interface EvtLogStatements {
  readonly appendOne: Statement
  readonly appendBatch: Statement
  readonly storedOfAppend: Statement
  readonly alignPositions: Statement
  readonly entityHead: Statement
  readonly headPosition: Statement
  readonly evtsById: Statement
  readonly evtsByType: Statement
  readonly evtUpTo: Statement
  readonly lookForEvt: Statement
  readonly entityIds: Statement
  readonly deleteEvts: Statement
}

/** Makes the statements of the log with these names. */
export function evtLogStatements(names: Names, prepared: boolean): EvtLogStatements {
  return {
    appendOne: statement(appendOne(names), prepared),
    appendBatch: statement(appendBatch(names), prepared),
    storedOfAppend: statement(storedOfAppend(names), prepared),
    alignPositions: statement(alignPositions(names), prepared),
    entityHead: statement(entityHead(names), prepared),
    headPosition: statement(headPosition(names), prepared),
    evtsById: statement(evtsById(names), prepared),
    evtsByType: statement(evtsByType(names), prepared),
    evtUpTo: statement(evtUpTo(names), prepared),
    lookForEvt: statement(lookForEvt(names), prepared),
    entityIds: statement(entityIds(names), prepared),
    deleteEvts: statement(deleteEvts(names), prepared),
  }
}
