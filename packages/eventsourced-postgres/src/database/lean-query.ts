import type { Connection, Submittable } from 'pg'
import { bindAndExecute, COMMIT_AND_SYNC, SYNC } from './bind-message.js'
import type { Parameter, Row, Statement } from './statement.js'

/** What becomes of a query: an error, or its rows. */
export type Outcome = (error: Error | null, rows: Row[]) => void

/** What `pg` knows of a connection, and its types leave out: the statements that are prepared there, by their names. */
interface Preparing {
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
}

/**
 * A query for `client.query()` that does the least: it sends Parse once, then Bind, Execute and Sync, and takes the rows as they come, as text.
 * What `pg` makes of a query besides (a copy of its settings, a description of the columns, a parser for each, a result) takes a sixth of the time
 * of a lone append.
 *
 * Its other methods are what `pg` calls of each query.
 */
export class LeanQuery implements Submittable {
  readonly name: string
  readonly text: string
  /** Not read-only: `pg` puts its `query_timeout` in between, and tracers themselves. */
  callback: Outcome
  /** What is sent behind the statement. */
  protected readonly behind: Buffer = SYNC
  readonly #values: readonly Parameter[]
  readonly #rows: Row[] = []

  constructor({ name = '', text }: Statement, values: readonly Parameter[], callback: Outcome) {
    this.name = name
    this.text = text
    this.callback = callback
    this.#values = values
  }

  submit(connection: Connection): null {
    // So that all of it goes at once.
    connection.stream.cork()
    if (!isPrepared(connection, this.name)) connection.parse({ name: this.name, text: this.text, types: [] }, true)
    if (connection.stream.writable) connection.stream.write(bindAndExecute(this.name, this.#values, this.behind))
    connection.stream.uncork()
    return null
  }

  handleDataRow({ fields }: { readonly fields: Row }): void {
    this.#rows.push(fields)
  }

  handleError(error: Error): void {
    this.callback(error, [])
  }

  handleReadyForQuery(): void {
    this.callback(null, this.#rows)
  }

  handleCommandComplete(_done: { readonly text: string }): void {}

  handleEmptyQuery(): void {}
}

/** The last query of a transaction, with the COMMIT behind it in the same round trip: the server passes over that one if the query fails. */
export class LastQuery extends LeanQuery {
  /** What has become of either so far: the server's words for what it has done. */
  readonly done: string[] = []
  protected override readonly behind = COMMIT_AND_SYNC

  override handleCommandComplete({ text }: { readonly text: string }): void {
    this.done.push(text)
  }
}

function isPrepared(connection: Connection, name: string): boolean {
  return name !== '' && knowsPrepared(connection) && connection.parsedStatements[name] !== undefined
}

function knowsPrepared(connection: Connection): connection is Connection & Preparing {
  return 'parsedStatements' in connection
}
