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
export const listOf = (text: string): string => `string_agg(${text}, E'\\n')`

/**
 * The body of a function that reads one page of events. It ends early where its payloads and metadata would pass `p_max_bytes`, but never before its first event, so that
 * memory is bounded and every page gets on. Rows that are not wanted count too: a reader of a rare slice doesn't scan the same rows twice.
 *
 * How far a page goes is asked first, in the same snapshot: nearly all have room for all their events, and to sum those up row by row would cost a third
 * of the page. Metadata is weighed as it came out of its row (`#> '{}'` is all of it), where it may lie compressed. A payload travels as hexadecimal text whatever `bytea_output` says, a time as milliseconds since 1970.
 */
export function page({ scanned, by, wanted, ids }: Page): string {
  const weight = `sum(octet_length(s.bytes) + pg_column_size(s.metadata #> '{}')) FILTER (WHERE ${wanted})`
  return `
    #variable_conflict use_column
    DECLARE
      weight bigint;
    BEGIN
      SELECT count(*) = p_max_rows, max(s.${by}), ${weight} INTO more, through, weight FROM (${scanned}) AS s;
      IF weight IS NULL THEN
        RETURN NEXT;
        RETURN;
      END IF;
      IF weight >= p_max_bytes THEN
        SELECT true, min(w.${by}) INTO more, through
        FROM (SELECT s.${by}, ${weight} OVER (ORDER BY s.${by}) AS so_far FROM (${scanned}) AS s) AS w
        WHERE w.so_far >= p_max_bytes;
      END IF;
      RETURN QUERY
      SELECT more, through,
        ${listOf('s.position::text')}, ${listOf('s.seq_no::text')}, ${listOf("s.append_writer || '-' || s.append_no")},
        ${listOf("(date_part('epoch', s.time) * 1000)::bigint::text")}, ${listOf('s.version::text')}, ${ids},
        ${listOf('s.type')}, ${listOf("encode(s.bytes, 'hex')")}, ${listOf('s.metadata::text')}
      FROM (${scanned}) AS s WHERE s.${by} <= through AND ${wanted};
    END`
}
