// What `bin/eventsourced.js` runs.

import { runCli } from './run-cli.js'

const code = await runCli(process.argv.slice(2), {
  cwd: process.cwd(),
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
})
// What a configuration has opened besides (a pool, a connection) must not keep the process alive; but what was written goes out first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
