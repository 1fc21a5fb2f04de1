import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'

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
export async function query(client: ClientBase, { name, text }: Statement, values: Parameter[] = []): Promise<Row[]> {
  const result = await client.query<Row>({
    ...(name === undefined ? {} : { name }),
    text,
    values,
    rowMode: 'array',
    types: AS_SENT,
  })
  return result.rows
}
