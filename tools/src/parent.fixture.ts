// A program that starts a server on a data folder and waits, for tests that kill it: node parent.fixture.js nats|postgres
// <folder>. It prints the server's port and process id, and goes on when it is interrupted.

import { startNatsServer } from './nats-server.js'
import { startPostgres } from './postgres.js'

const [kind, folder = ''] = process.argv.slice(2)
process.on('SIGINT', () => process.stdout.write('interrupted\n'))
const server = await (kind === 'nats' ? startNatsServer({ storeDir: folder }) : startPostgres({ dataDir: folder }))
process.stdout.write(`${server.port} ${server.pid}\n`)
setInterval(() => {}, 60_000)
