import type { Client, QueryConfig } from 'pg'

/** How many events a batch holds where the framework lets us say so. */
export const BATCH = 1_000

/** What a handler makes of an event: a line of an account's statement. */
export interface Line {
  readonly id: string
  readonly seqNo: number
  readonly inc: bigint
}

/** A table with a line for each event. */
export class ReadModel {
  readonly table: string

  constructor(table: string) {
    this.table = table
  }

  async create(client: Client): Promise<void> {
    await client.query(`
      CREATE TABLE ${this.table} (seq_no bigint NOT NULL, inc numeric NOT NULL, id uuid NOT NULL, PRIMARY KEY (id, seq_no))`)
  }

  async clear(client: Client): Promise<void> {
    await client.query(`TRUNCATE ${this.table}`)
  }

  /** The handler's work, the same in all contenders: one statement for all lines at once. */
  async write(tx: Tx, lines: readonly Line[]): Promise<void> {
    await tx.query({
      name: `write_${this.table}`,
      text: `INSERT INTO ${this.table} (id, seq_no, inc) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::numeric[])`,
      values: [lines.map(({ id }) => id), lines.map(({ seqNo }) => seqNo), lines.map(({ inc }) => String(inc))],
    })
  }

  async count(client: Client): Promise<number> {
    const { rows } = await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${this.table}`)
    return rows[0]?.count ?? 0
  }
}

/** Whatever runs a statement of pg's. */
interface Tx {
  query(query: QueryConfig): Promise<unknown>
}
