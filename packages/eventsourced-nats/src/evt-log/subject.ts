import { type EntityKey, entityKey, sliceOf } from 'eventsourced'

/** The subject of an entity: `<stream>.<typeName>.<slice>.<id>`. Part of the contract with other readers of the stream. */
export function subjectOf(stream: string, { typeName, id }: EntityKey): string {
  return `${stream}.${typeName}.${sliceOf(id)}.${id}`
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

/** The key of the entity that a subject belongs to. @throws {InvalidInputError} if it is none of ours */
export function keyOf(subject: string): EntityKey {
  const [, typeName = '', , id = ''] = subject.split('.')
  return entityKey(typeName, id)
}
