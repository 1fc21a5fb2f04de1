import type { MsgHdrs } from 'nats'

/** The fields of a header block; of several with one name the first. */
export function parseHeaders(block: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    if (colon > 0 && !fields.has(name)) fields.set(name, line.slice(colon + 1).trim())
  }
  return fields
}

/** The fields of headers that the package has parsed; of several with one name the first. */
export function fieldsOf(headers: MsgHdrs | undefined): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [name, [value]] of headers ?? []) if (value !== undefined) fields.set(name, value)
  return fields
}
