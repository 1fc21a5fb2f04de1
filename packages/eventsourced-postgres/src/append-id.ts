const WRITER_LENGTH = 36

/** The two parts of an appendId, as they are stored: the UUID of the writer's incarnation, and the number of its append. */
export function splitAppendId(appendId: string): { readonly writer: string; readonly no: number } {
  return { writer: appendId.slice(0, WRITER_LENGTH), no: Number(appendId.slice(WRITER_LENGTH + 1)) }
}
