// A program that has live entities until it is killed: node live-entities.test.fixture.js <options as JSON>. It prints how many there are everywhere.

import { randomUUID } from 'node:crypto'
import { Entities, type EventSourced, jsonBinarizer, MemoryEvtLog, reply } from 'eventsourced'
import { strictCounter, type StrictCounterOptions } from 'eventsourced/counters'
import type { PoolConfig } from 'pg'
import { PostgresCounterStore } from '../index.js'

/** What the program is told. */
export interface LiveEntitiesOptions {
  readonly connection: PoolConfig
  readonly options: StrictCounterOptions
  readonly live: number
}

function isOptions(value: unknown): value is LiveEntitiesOptions {
  return typeof value === 'object' && value !== null && 'connection' in value && 'options' in value && 'live' in value
}

const thing: EventSourced<{ readonly type: 'Get' }, never, null> = {
  typeName: 'thing',
  initialState: null,
  handleCmd: () => reply(),
  handleEvt: (state) => state,
}

const told: unknown = JSON.parse(process.argv[2] ?? '')
if (!isOptions(told)) throw new Error(`no options: ${process.argv[2]}`)
process.stdin.once('end', () => process.exit(1)).resume()
const store = await PostgresCounterStore.create({ connection: told.connection })
const liveCounter = await strictCounter(store, told.options)
const entities = new Entities(thing, { evtLog: new MemoryEvtLog(), binarizer: jsonBinarizer(), liveCounter })
for (let count = 0; count < told.live; count++) await entities.ref(randomUUID()).handleCmd({ type: 'Get' })
process.stdout.write(`${(await entities.liveEverywhere()).total}\n`)
