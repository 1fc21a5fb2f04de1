/**
 * Raises an error where a trigger or a rule that somebody added has silently kept an event from being stored: an append would be answered as
 * stored that is not. It is refused like one that such a trigger raises an error for.
 */
export function refuseKeptBack(condition: string): string {
  return `
      IF ${condition} THEN
        RAISE EXCEPTION 'a trigger or a rule of the table keeps events from being stored';
      END IF;`
}
