import { fileURLToPath } from 'node:url'
import { type AppendProcess, startAppendProcess } from 'eventsourced-tools'
import type { WriterOptions } from './writer.test.fixture.js'

/** Starts a process that appends. */
export function startWriter(options: WriterOptions): AppendProcess {
  return startAppendProcess(
    fileURLToPath(new URL('../../dist/faults/writer.test.fixture.js', import.meta.url)),
    options,
  )
}
