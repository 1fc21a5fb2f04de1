import type { EntityKey } from 'eventsourced'
import type { Parameter, Row, Statement } from '../database/statement.js'
import { backendOf, decodePage } from './decode-page.js'
import type { Found, Mark, Source } from './pages.js'
import type { EvtLogStatements } from './statements.js'

/** Asks the database, within the bounds of a read. */
export type Ask = (doing: string, statement: Statement, values: Parameter[]) => Promise<Row[]>

/** What the pages of a read are asked with. */
export interface Asking {
  readonly ask: Ask
  readonly statements: EvtLogStatements
}

/** How much a page has: two of them are in memory at a time. */
const PAGE = { rows: 1_000, bytes: 2 * 1_048_576 }
/** Of some slices only a page looks at more rows, of which it takes but a few. */
const ROWS_OF_SLICES = 8_000

/** The events of one entity, by seqNo. */
export function evtsOfEntity({ ask, statements }: Asking, key: EntityKey, to: number): Source {
  const lookFor = lookingFor({ ask, statements }, key.typeName)
  return {
    page: async (after) => {
      const values = [key.typeName, key.id, after + 1, to, PAGE.rows, PAGE.bytes]
      const [row] = await ask('reading events by id', statements.evtsById, values)
      return decodePage(row, after, () => key)
    },
    placeOf: ({ seqNo }) => seqNo,
    markAt: async (seqNo) => {
      const { evt, backend } = await lookFor({ id: key.id, seqNo })
      return { mark: evt && { id: key.id, ...evt }, backend }
    },
    lookFor,
  }
}

/** The events of a type, by position. */
export function evtsOfType({ ask, statements }: Asking, typeName: string, slices: string | null): Source {
  return {
    page: async (after) => {
      const values = [typeName, after, slices, slices === null ? PAGE.rows : ROWS_OF_SLICES, PAGE.bytes]
      const [row] = await ask('reading events by type', statements.evtsByType, values)
      return decodePage(row, after, (id) => ({ typeName, id }))
    },
    placeOf: ({ position }) => position,
    markAt: async (position) => {
      const [row = []] = await ask('looking how far was read', statements.evtUpTo, [typeName, position])
      const [id, ...evt] = row
      return { mark: id == null ? undefined : { id, ...decodeEvt(evt) }, backend: backendOf(row) }
    },
    lookFor: lookingFor({ ask, statements }, typeName),
  }
}

function lookingFor({ ask, statements }: Asking, typeName: string) {
  return async ({ id, seqNo }: Pick<Mark, 'id' | 'seqNo'>): Promise<Found> => {
    const rows = await ask('looking for what was read', statements.lookForEvt, [typeName, id, seqNo - 1])
    const evts = rows.filter(([seqNo]) => seqNo != null).map(decodeEvt)
    return { evt: evts[0], head: evts.at(-1), isReplica: rows[0]?.[3] === 't', backend: backendOf(rows[0]) }
  }
}

function decodeEvt([seqNo, position, appendId]: Row): Omit<Mark, 'id'> {
  return { seqNo: Number(seqNo), position: Number(position), appendId: appendId ?? '' }
}
