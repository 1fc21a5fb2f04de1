// A program that sets up a log and a store, for a test that starts ten of them at once: node migrations.test.fixture.js <connection as a URL>

import { PostgresEvtLog, PostgresSnapshotStore } from './index.js'

const config = { connection: { connectionString: process.argv[2] ?? '' }, setup: true }
const opened = await Promise.all([PostgresEvtLog.create(config), PostgresSnapshotStore.create(config)])
await Promise.all(opened.map((one) => one.close()))
