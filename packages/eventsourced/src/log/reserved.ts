/** What is the library's own begins with this: names in the metadata of events, and types of events. */
const PREFIX = 'es-'

/** Whether a name in metadata, or a type of events, is kept for the library. */
export function isReserved(name: string): boolean {
  return name.startsWith(PREFIX)
}

/** Whether the library may have put this name into an event's metadata: what it adds doesn't count against what callers may give. */
export function isAdded(name: string): boolean {
  return isReserved(name) || name === 'traceparent' || name === 'tracestate'
}
