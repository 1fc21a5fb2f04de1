import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'docs', '.snippets')
const tsconfig = {
  extends: '../../tsconfig.base.json',
  compilerOptions: {
    noEmit: true,
    composite: false,
    declarationMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['*.ts'],
}

/** The TypeScript of a document: its snippets make one module, so that each may use what those before it declare. */
function snippetsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code)
}

afterAll(() => rm(folder, { recursive: true, force: true }))

test('the snippets of README.md and docs/ compile', async () => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const documents = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'))
  let count = 0
  for (const document of ['../README.md', ...documents]) {
    const snippets = snippetsOf(await readFile(join(root, 'docs', document), 'utf8'))
    const name = document.replaceAll(/[^A-Za-z]/g, '_')
    if (snippets.length > 0) await writeFile(join(folder, `${name}.ts`), `export {}\n${snippets.join('\n')}`)
    count += snippets.length
  }
  expect(count).toBeGreaterThan(0)
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '--project', folder]).catch(
    (failed: { stdout: string }) => failed,
  )
  expect(stdout).toBe('')
})
