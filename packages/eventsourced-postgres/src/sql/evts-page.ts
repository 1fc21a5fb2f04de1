/** The columns of a page. Its rows are events, where `more` is NULL, and last a mark, which says how far the page has read. */
export const PAGE_COLUMNS =
  'more boolean, "position" bigint, seq_no bigint, append_id text, "time" bigint, version integer, id uuid, type text, bytes text, metadata text'

/** What the two pages of events have in common. */
export interface Page {
  /** The query for at most `p_max_rows` rows in order. */
  readonly scanned: string
  /** What they are in order of. */
  readonly by: 'seq_no' | 'position'
  /** Which of them are wanted. */
  readonly wanted: string
  /** What to answer for `id`. */
  readonly id: string
}

/**
 * Reads one page of events. It ends early where its payloads would pass `p_max_bytes`, but never before its first event, so that memory is
 * bounded and every page gets on. The mark's `position` is where the next page goes on behind, be it a position or a seqNo; its `more` says
 * whether there may be more by now. Rows that are not wanted count too: a reader of a rare slice doesn't scan the same rows twice.
 *
 * A payload travels as hexadecimal text whatever `bytea_output` says, a time as milliseconds since 1970.
 */
export function page({ scanned, by, wanted, id }: Page): string {
  return `
    WITH weighed AS (
      SELECT s.*, sum(octet_length(s.bytes)) FILTER (WHERE ${wanted}) OVER (ORDER BY s.${by}) AS weight, ${wanted} AS wanted
      FROM (${scanned}) AS s
    ), taken AS (
      SELECT * FROM weighed AS w WHERE w.wanted AND w.weight - octet_length(w.bytes) < p_max_bytes
    )
    (SELECT NULL::boolean, t.position, t.seq_no, t.append_writer || '-' || t.append_no,
      (date_part('epoch', t.time) * 1000)::bigint, t.version, ${id}, t.type, encode(t.bytes, 'hex'), t.metadata::text
    FROM taken AS t ORDER BY t.${by})
    UNION ALL
    SELECT count(*) = p_max_rows OR max(w.weight) >= p_max_bytes,
      CASE WHEN max(w.weight) >= p_max_bytes THEN (SELECT max(t.${by}) FROM taken AS t) ELSE max(w.${by}) END,
      NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM weighed AS w`
}
