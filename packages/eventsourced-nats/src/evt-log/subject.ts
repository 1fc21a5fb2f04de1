import { type EntityKey, entityKey, sliceOf } from 'eventsourced'

/** The subject of an entity: `<stream>.<typeName>.<slice>.<id>`. Part of the contract with other readers of the stream. */
export function subjectOf(stream: string, { typeName, id }: EntityKey): string {
  return `${stream}.${typeName}.${sliceOf(id)}.${id}`
}

const MAX_REMEMBERED = 65_536

/** {@link subjectOf} for those who ask again and again: putting a subject together, and hashing it where it is looked up, takes several times as long. */
export function rememberingSubjects(stream: string): (key: EntityKey) => string {
  const known = new Map<string, { readonly typeName: string; readonly subject: string }>()
  return (key) => {
    const found = known.get(key.id)
    if (found?.typeName === key.typeName) return found.subject
    if (known.size >= MAX_REMEMBERED) known.clear()
    const subject = subjectOf(stream, key)
    known.set(key.id, { typeName: key.typeName, subject })
    return subject
  }
}

/** The subjects of all entities, as the stream listens to them. */
export function allSubjects(stream: string): string {
  return `${stream}.*.*.*`
}

/** The subjects of a type's entities: one pattern, or one for each of some slices, each once. */
export function subjectsOfType(stream: string, typeName: string, slices: readonly number[] | undefined): string[] {
  if (slices === undefined) return [`${stream}.${typeName}.*.*`]
  return [...new Set(slices)].map((slice) => `${stream}.${typeName}.${slice}.*`)
}

/** Tells the subjects that {@link subjectsOfType} is about. */
export function isOfType(
  stream: string,
  typeName: string,
  slices: readonly number[] | undefined,
): (subject: string) => boolean {
  const start = `${stream}.${typeName}.`
  const wanted = slices && new Set(slices.map(String))
  const isWanted = (subject: string) =>
    subject.startsWith(start) &&
    (wanted === undefined || wanted.has(subject.slice(start.length, subject.indexOf('.', start.length))))
  let last: { readonly subject: string; readonly isWanted: boolean } | undefined
  return (subject) => {
    if (last?.subject !== subject) last = { subject, isWanted: isWanted(subject) }
    return last.isWanted
  }
}

/** The key of the entity that a subject belongs to. @throws {InvalidInputError} if it is none of ours */
export function keyOf(subject: string): EntityKey {
  const [, typeName = '', , id = ''] = subject.split('.')
  return entityKey(typeName, id)
}

/** Tells the keys of subjects one after another. What was stored together is mostly of one entity, whose key is then the same object. */
export function keysInOrder(): typeof keyOf {
  let last: { readonly subject: string; readonly key: EntityKey } | undefined
  return (subject) => {
    if (last?.subject !== subject) last = { subject, key: keyOf(subject) }
    return last.key
  }
}
