import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import { sqlState } from '../errors/sqlstate.js'
import { LastQuery, LeanQuery } from './lean-query.js'

/** A statement's text, and the name under which a connection prepares it once. */
export interface Statement {
  readonly name?: string
  readonly text: string
}

/** A parameter: a Buffer travels in PostgreSQL's binary form, all else as text. */
export type Parameter = string | number | boolean | Buffer | null

/** A row as the server sent it: nothing depends on type parsers that the application may have set in pg. */
export type Row = (string | null)[]

const AS_SENT = { getTypeParser: () => (value: string) => value }

/** Names a statement by its text: a pool may serve several logs, whose texts differ by their tables. */
export function statement(text: string, prepared: boolean): Statement {
  if (!prepared) return { text }
  return { name: `eventsourced_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`, text }
}

/** Runs a statement on a connection. */
export function query(client: ClientBase, statement: Statement, values: Parameter[] = []): Promise<Row[]> {
  if (pipelines(client)) return queryAtLength(client, statement, values)
  return new Promise((resolve, reject) => {
    client.query(new LeanQuery(statement, values, (error, rows) => (error === null ? resolve(rows) : reject(error))))
  })
}

/** How a transaction has ended. */
export type Ended =
  /** What its last statement has answered. */
  | { readonly kind: 'committed'; readonly rows: readonly Row[] }
  /** The server made a rollback of it, since a statement before had failed. */
  | { readonly kind: 'rolled-back' }
  /** The COMMIT has failed, or nobody knows whether it was carried out: the connection was lost, before it or behind it. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** Runs the last statement of a transaction, and commits. @throws what the statement fails with: nothing is committed then, and the transaction is to be rolled back */
export async function queryAndCommit(client: ClientBase, last: Statement, values: Parameter[]): Promise<Ended> {
  if (pipelines(client)) return endAtLength(client, await query(client, last, values))
  return new Promise((resolve, reject) => {
    const lastQuery = new LastQuery(last, values, (error, rows) => {
      const [answered, ended] = lastQuery.done
      if (error === null) resolve(ended === 'COMMIT' ? { kind: 'committed', rows } : { kind: 'rolled-back' })
      else if (answered === undefined && isCertain(error)) reject(error)
      else resolve({ kind: 'failed', error })
    })
    client.query(lastQuery)
  })
}

/** Whether a statement has failed for certain. Poolers tell by class 08 that they have lost the server: the COMMIT behind it may have been carried out. */
function isCertain(error: Error): boolean {
  return sqlState(error)?.startsWith('08') === false
}

async function endAtLength(client: ClientBase, rows: readonly Row[]): Promise<Ended> {
  try {
    const { command } = await client.query('COMMIT')
    return command === 'COMMIT' ? { kind: 'committed', rows } : { kind: 'rolled-back' }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

/** A pool that was handed in may be one whose clients pipeline: they take settings only. */
function pipelines(client: ClientBase): boolean {
  return 'pipeline' in client && client.pipeline === true
}

async function queryAtLength(client: ClientBase, statement: Statement, values: Parameter[]): Promise<Row[]> {
  const result = await client.query<Row>({ ...statement, values, rowMode: 'array', types: AS_SENT })
  return result.rows
}
