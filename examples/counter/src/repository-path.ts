import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A path that is relative to the root of the repository, from wherever a program was started. */
export function repositoryPath(path: string): string {
  return resolve(fileURLToPath(new URL('../../../', import.meta.url)), path)
}
