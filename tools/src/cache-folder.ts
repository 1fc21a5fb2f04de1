import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A folder under the repository that git ignores, for what is fetched once. */
export function cacheFolder(name: string): string {
  let root = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(root, 'package-lock.json')) && dirname(root) !== root) root = dirname(root)
  return join(root, '.data', name)
}
