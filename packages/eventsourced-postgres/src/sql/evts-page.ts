/**
 * The columns of a page, which is one row: whether there may be more by now, where the next page goes on behind (be it a position or a seqNo), and
 * then its events, column by column, each a list with an event a line. A row an event would cost the reader several times as much.
 */
export const PAGE_COLUMNS =
  'more boolean, through bigint, positions text, seq_nos text, append_ids text, times text, versions text, ids text, types text, bytes text, metadata text'

/** What the two pages of events have in common. */
export interface Page {
  /** The query for at most `p_max_rows` rows in order. */
  readonly scanned: string
  /** What they are in order of. */
  readonly by: 'seq_no' | 'position'
  /** Which of them are wanted. */
  readonly wanted: string
  /** What to answer for `ids`. */
  readonly ids: string
}

/** The rows come in order, and so do the lines of all lists. Nothing that is listed has line ends of its own. */
export const listOf = (text: string): string => `string_agg(${text}, E'\\n') FILTER (WHERE p.taken)`

/**
 * Reads one page of events. It ends early where its payloads would pass `p_max_bytes`, but never before its first event, so that memory is
 * bounded and every page gets on. Rows that are not wanted count too: a reader of a rare slice doesn't scan the same rows twice.
 *
 * A payload travels as hexadecimal text whatever `bytea_output` says, a time as milliseconds since 1970.
 */
export function page({ scanned, by, wanted, ids }: Page): string {
  return `
    SELECT count(*) = p_max_rows OR max(p.weight) >= p_max_bytes,
      CASE WHEN max(p.weight) >= p_max_bytes THEN max(p.${by}) FILTER (WHERE p.taken) ELSE max(p.${by}) END,
      ${listOf('p.position::text')}, ${listOf('p.seq_no::text')}, ${listOf("p.append_writer || '-' || p.append_no")},
      ${listOf("(date_part('epoch', p.time) * 1000)::bigint::text")}, ${listOf('p.version::text')}, ${ids},
      ${listOf('p.type')}, ${listOf("encode(p.bytes, 'hex')")}, ${listOf('p.metadata::text')}
    FROM (
      SELECT w.*, w.wanted AND w.weight - octet_length(w.bytes) < p_max_bytes AS taken FROM (
        SELECT s.*, ${wanted} AS wanted, sum(octet_length(s.bytes)) FILTER (WHERE ${wanted}) OVER (ORDER BY s.${by}) AS weight
        FROM (${scanned}) AS s
      ) AS w
    ) AS p`
}
