// A program that counts until it is killed, as fast as it is answered: node counting.test.fixture.js <options as JSON>. It prints its own count.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { laxCounter, strictCounter, type StrictCounterOptions } from 'eventsourced/counters'
import { NatsCounterStore, type NatsCounterStoreConfig } from '../index.js'

/** What the program is told. */
export interface CountingOptions {
  readonly config: NatsCounterStoreConfig
  readonly options: StrictCounterOptions
  readonly isLax: boolean
}

function isOptions(value: unknown): value is CountingOptions {
  return typeof value === 'object' && value !== null && 'config' in value && 'options' in value && 'isLax' in value
}

const told: unknown = JSON.parse(process.argv[2] ?? '')
if (!isOptions(told)) throw new Error(`no options: ${process.argv[2]}`)
process.stdin.once('end', () => process.exit(1)).resume()
const strict = await strictCounter(await NatsCounterStore.create(told.config), told.options)
const counter = told.isLax ? laxCounter(strict) : strict
for (;;) {
  process.stdout.write(`${(await counter.inc('k', 1)).own}\n`)
  // A lax counter answers from memory, and would leave no turn to anything else.
  await nextTurn()
}
