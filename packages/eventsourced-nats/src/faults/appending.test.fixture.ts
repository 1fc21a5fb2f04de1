// A program that appends until it is told to stop, for tests that kill it or what it writes to: node appending.test.fixture.js <options as JSON>.

import { type AppendOptions, appendUntilInputEnds } from 'eventsourced-tools'
import { NatsEvtLog } from '../index.js'

/** What the program is told. */
export interface AppendingOptions extends AppendOptions {
  readonly config: { readonly servers: string; readonly stream: string; readonly replyTimeout: number }
}

function isOptions(value: unknown): value is AppendingOptions {
  return typeof value === 'object' && value !== null && 'config' in value && 'typeName' in value && 'ids' in value
}

const options: unknown = JSON.parse(process.argv[2] ?? '')
if (!isOptions(options)) throw new Error(`no options: ${process.argv[2]}`)
await appendUntilInputEnds(() => NatsEvtLog.create(options.config), options)
