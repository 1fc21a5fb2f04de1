import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import pbjs from 'protobufjs-cli/pbjs.js'

const FLAGS = '-t static-module -w esm --force-long --no-verify --no-delimited --no-typeurl --no-service'

/**
 * Generates the static module of a .proto file, as users would, and loads it.
 *
 * @param root what no other module of the process is called: protobufjs keeps them under it
 */
export async function generateModule(proto: string, root: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), `eventsourced-${root}-`))
  try {
    const source = join(folder, `${root}.proto`)
    const out = join(folder, `${root}.mjs`)
    await writeFile(source, proto)
    const runtime = pathToFileURL(createRequire(import.meta.url).resolve('protobufjs/minimal.js')).href
    await promisify(pbjs.main)([...FLAGS.split(' '), '-r', root, '--dependency', runtime, '-o', out, source])
    const module: unknown = await import(pathToFileURL(out).href)
    return module
  } finally {
    await rm(folder, { recursive: true })
  }
}
