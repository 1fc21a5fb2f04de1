import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const document = await readFile(join(root, 'docs', 'guarantees.md'), 'utf8')
let files: readonly string[]

beforeAll(async () => {
  files = await sources(root)
})

/** All files of TypeScript that are ours. */
async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = entries
    .filter(({ name }) => !['node_modules', 'dist'].includes(name) && !name.startsWith('.'))
    .map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sources(path)
      return entry.name.endsWith('.ts') ? [path] : []
    })
  return (await Promise.all(found)).flat()
}

/** The rows of all tables below their heads: a promise, and its last cell, which says what shows it. */
const rows = document
  .split('\n')
  .filter((line) => line.startsWith('|') && !line.startsWith('|---') && !line.startsWith('| promise |'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
  .map((cells) => ({ promise: cells[0] ?? '', shownBy: cells.at(-1) ?? '' }))

/** The files that a cell names, each with what the names of its tests hold: `file.ts`: "name", "another". */
function testsIn(shownBy: string): { file: string; names: readonly string[] }[] {
  return [...shownBy.matchAll(/`([^`]+\.ts)`((?:[:,] "[^"]+")*)/g)].map(([, file = '', names = '']) => ({
    file,
    names: [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name),
  }))
}

/** The texts of a file, be they names of tests or parts of such. */
function textsIn(source: string): string[] {
  return [...source.matchAll(/(['"`])((?:(?!\1)[^\\\n]|\\.)*)\1/g)].map(([, , text = '']) => text)
}

test('there are promises', () => {
  expect(rows.length).toBeGreaterThan(20)
})

describe('a test shows that', () => {
  test.each(rows)('$promise', async ({ shownBy }) => {
    const tests = testsIn(shownBy)
    expect(tests).not.toEqual([])
    for (const { file, names } of tests) {
      const found = files.filter((path) => path.endsWith(`/${file}`))
      expect(found, `files that ${file} may mean`).toHaveLength(1)
      expect(names, `names of tests in ${file}`).not.toEqual([])
      const texts = textsIn(await readFile(found[0] ?? '', 'utf8'))
      for (const name of names) {
        expect(
          texts.some((text) => text.includes(name)),
          `a test in ${file} whose name holds "${name}"`,
        ).toBe(true)
      }
    }
  })
})
