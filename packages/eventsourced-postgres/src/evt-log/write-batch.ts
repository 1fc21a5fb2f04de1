import type { ClientBase } from 'pg'
import { inReadCommitted } from '../database/read-committed.js'
import type { Parameter, Statement } from '../database/statement.js'
import { encodeBatch, encodeOne } from './encode-batch.js'
import type { EvtLogStatements } from './statements.js'
import type { Waiting } from './waiting.js'

/** What the server says of a batch. */
export interface Written {
  /** The position of the first event of the batch; the others' follow one by one. */
  readonly firstPosition: number
  /** By their place in the batch, the appends of which nothing is stored, since their entity's head is another one. */
  readonly conflicts: ReadonlySet<number>
}

/** A batch as one statement and its parameters. */
export interface EncodedBatch {
  readonly statement: Statement
  readonly values: Parameter[]
  readonly isScalar: boolean
}

/**
 * Encodes a batch. An append of a single event that is alone takes a scalar statement, which is cheaper than arrays of one.
 *
 * @throws what an event throws that can't be encoded
 */
export function encode(statements: EvtLogStatements, batch: readonly Waiting[], lockTimeoutMs: number): EncodedBatch {
  const [first] = batch
  if (first !== undefined && batch.length === 1 && first.evtCount === 1) {
    return { statement: statements.appendOne, values: encodeOne(first, lockTimeoutMs), isScalar: true }
  }
  return { statement: statements.appendBatch, values: encodeBatch(batch, lockTimeoutMs), isScalar: false }
}

/** Writes a batch in one round trip. */
export async function writeBatch(client: ClientBase, { statement, values, isScalar }: EncodedBatch): Promise<Written> {
  const [row] = await inReadCommitted(client, statement, values)
  const position = row?.[0]
  if (isScalar && position == null) return { firstPosition: 0, conflicts: new Set([0]) }
  const conflicts = isScalar ? undefined : row?.[1]?.slice(1, -1).split(',').map(Number)
  return { firstPosition: Number(position), conflicts: new Set(conflicts) }
}
