/// <reference types="node" />
// Prints `N passed, N failed` from the report of a test run: node summary.js <report> <exit code of the run>.

import { readFileSync } from 'node:fs'

const [file = '', status] = process.argv.slice(2)
const { numPassedTests = 0, numFailedTests = 0 } = report()
// A file that can't be loaded, an unhandled error or a missing report fails the run without failing a test.
const failed = status === '0' ? numFailedTests : Math.max(numFailedTests, 1)
process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`)

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
