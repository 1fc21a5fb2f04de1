// A program that replays an entity and prints how many events it has, for a test that gives it little memory: node replay.test.fixture.js <URL> <id>

import { entityKey } from 'eventsourced'
import { PostgresEvtLog } from '../index.js'

const [connectionString = '', id = ''] = process.argv.slice(2)
const log = await PostgresEvtLog.create({ connection: { connectionString } })
let count = 0
for await (const _ of log.evtsById(entityKey('counter', id))) count++
process.stdout.write(`${count}\n`)
await log.close()
