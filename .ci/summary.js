/// <reference types="node" />
// Prints `N passed, N failed` from the reports of test runs, and fails if one of them did: node summary.js (<report> <exit code>)…

import { readFileSync } from 'node:fs'

const args = process.argv.slice(2)
let passed = 0
let failed = 0
for (let index = 0; index < args.length; index += 2) {
  const { numPassedTests = 0, numFailedTests } = report(args[index])
  passed += numPassedTests
  // A file that can't be loaded, an unhandled error or a missing report fails a run in which no test has failed.
  failed += args[index + 1] === '0' && numFailedTests !== undefined ? numFailedTests : Math.max(numFailedTests ?? 0, 1)
}
if (args.length === 0) failed = 1
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/**
 * @param {string | undefined} file
 * @returns {{ numPassedTests?: number, numFailedTests?: number }}
 */
function report(file) {
  try {
    /** @type {unknown} */
    const content = JSON.parse(readFileSync(file ?? '', 'utf8'))
    return typeof content === 'object' && content !== null ? content : {}
  } catch {
    return {}
  }
}
