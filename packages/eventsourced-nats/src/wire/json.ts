/** An object as it came over the wire: nothing of it is known until it is looked at. */
export type Json = Readonly<Record<string, unknown>>

/** What a text says, an empty object if it says nothing that is one. */
export function parseJson(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    return isJson(value) ? value : {}
  } catch {
    return {}
  }
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}

export function numberAt(json: Json, field: string): number | undefined {
  const value = json[field]
  return typeof value === 'number' ? value : undefined
}

export function stringAt(json: Json, field: string): string | undefined {
  const value = json[field]
  return typeof value === 'string' ? value : undefined
}
