import type { ClientBase } from 'pg'
import { meaningOf } from '../errors/sqlstate.js'
import { type Parameter, query, type Row, type Statement } from './statement.js'

/**
 * Runs a statement that must be in a READ COMMITTED transaction, and checks that itself. Where the connection's default is another one, which
 * is rare, it takes an explicit transaction and three round trips.
 */
export async function inReadCommitted(client: ClientBase, statement: Statement, values: Parameter[]): Promise<Row[]> {
  try {
    return await query(client, statement, values)
  } catch (error) {
    if (meaningOf(error) !== 'isolation') throw error
  }
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    const rows = await query(client, statement, values)
    await client.query('COMMIT')
    return rows
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
