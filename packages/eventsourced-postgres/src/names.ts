import { createHash } from 'node:crypto'
import { escapeIdentifier, escapeLiteral } from 'pg'
import { InvalidInputError } from 'eventsourced'

/** PostgreSQL cuts longer names silently, and two cut names may be one. */
const MAX_NAME_BYTES = 63
/** Leaves room for what is put behind a table's name: `_append_batch` and the like. */
const MAX_TABLE_BYTES = 40

/** The names of a log's or a store's things in the database, all of them derived from its schema and its table. */
export interface Names {
  readonly schema: string
  readonly table: string
  /** The schema, quoted. */
  readonly quotedSchema: string
  /** The table, or what hangs on it (`_append_one`), qualified and quoted. */
  readonly qualified: (suffix?: string) => string
  /** The same as a `regclass` expression. */
  readonly regclass: (suffix?: string) => string
  /** The NOTIFY channel. From the names and not from an oid, so that a restored dump keeps it. */
  readonly channel: string
}

/** Checks and quotes the names, however hostile they are. @throws {InvalidInputError} */
export function names(schema: string, table: string): Names {
  checkName('schema', schema, MAX_NAME_BYTES)
  checkName('table', table, MAX_TABLE_BYTES)
  const quotedSchema = escapeIdentifier(schema)
  const qualified = (suffix = ''): string => `${quotedSchema}.${escapeIdentifier(table + suffix)}`
  return {
    schema,
    table,
    quotedSchema,
    qualified,
    regclass: (suffix) => `${escapeLiteral(qualified(suffix))}::regclass`,
    channel: `eventsourced_${createHash('sha256').update(qualified()).digest('hex').slice(0, 32)}`,
  }
}

function checkName(field: string, name: string, maxBytes: number): void {
  if (
    typeof name !== 'string' ||
    name === '' ||
    name.includes('\0') ||
    !name.isWellFormed() ||
    Buffer.byteLength(name) > maxBytes
  ) {
    throw new InvalidInputError(field, name, `a name of 1 to ${maxBytes} bytes without NUL`)
  }
}
