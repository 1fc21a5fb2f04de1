import { type Statement, statement } from '../database/statement.js'
import type { Names } from '../names.js'
import { claimSlice, parkedIds } from '../sql/claim-slice.js'
import { commitSlices } from '../sql/commit-slices.js'
import { entryNames, putEntry, readEntry } from '../sql/entries.js'
import { parkedCount, parkedEvts } from '../sql/parked-evts.js'
import { removeProjection, sliceRecords } from '../sql/slice-records.js'

/** The statements of an offset store. */
export type OffsetStatements = Readonly<
  Record<
    'claim' | 'parkedIds' | 'commit' | 'slices' | 'parked' | 'parkedCount' | 'remove' | 'names' | 'entry' | 'putEntry',
    Statement
  >
>

/** Makes them for the names of a store. */
export function offsetStatements(names: Names, prepared: boolean): OffsetStatements {
  return {
    claim: statement(claimSlice(names), prepared),
    parkedIds: statement(parkedIds(names), prepared),
    commit: statement(commitSlices(names), prepared),
    slices: statement(sliceRecords(names), prepared),
    parked: statement(parkedEvts(names), prepared),
    parkedCount: statement(parkedCount(names), prepared),
    remove: statement(removeProjection(names), prepared),
    names: statement(entryNames(names), prepared),
    entry: statement(readEntry(names), prepared),
    putEntry: statement(putEntry(names), prepared),
  }
}
