import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import { LeanQuery } from './lean-query.js'

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

/** A pool that was handed in may be one whose clients pipeline: they take settings only. */
function pipelines(client: ClientBase): boolean {
  return 'pipeline' in client && client.pipeline === true
}

async function queryAtLength(client: ClientBase, statement: Statement, values: Parameter[]): Promise<Row[]> {
  const result = await client.query<Row>({ ...statement, values, rowMode: 'array', types: AS_SENT })
  return result.rows
}
