/// <reference types="node" />
// Prints `N passed, N failed` from the report of a test run, and fails if the run did: node summary.js <report> <exit code>

import { readFileSync } from 'node:fs'

const [file = '', status] = process.argv.slice(2)
const { numPassedTests = 0, numFailedTests } = report()
// A file that can't be loaded, an unhandled error or a missing report fails a run in which no test has failed.
const failed = status === '0' && numFailedTests !== undefined ? numFailedTests : Math.max(numFailedTests ?? 0, 1)
process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/** @returns {{ numPassedTests?: number, numFailedTests?: number }} */
function report() {
  try {
    /** @type {unknown} */
    const content = JSON.parse(readFileSync(file, 'utf8'))
    return typeof content === 'object' && content !== null ? content : {}
  } catch {
    return {}
  }
}
