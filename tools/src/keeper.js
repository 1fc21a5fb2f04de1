// The keeper: a process of its own that runs one server for its parent, and ends it when the parent ends.
//
// Why a process: it leads its own session, so that Ctrl-C in a terminal reaches neither it nor the server, and its
// standard input ends however the parent ends, by kill -9 too, so that no server is ever left behind. It is JavaScript,
// checked by the compiler, so that it runs from src (tests, on a Node without type stripping) as from dist.
//
// Input: the spec (kept-server.ts) as one line of JSON, then a line for each new start; its end asks for the stop.
// Output: `ready <pid>`, `exited`, and `failed <JSON string>`, each a line.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { createInterface } from 'node:readline'
import { lockFolder } from './folder-lock.js'

/** @typedef {import('./kept-server.js').ServerSpec} ServerSpec */
/** @typedef {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>} Child */

/** How long a server may take to stop before it is killed. */
const STOP_MS = 20_000

const input = createInterface({ input: process.stdin })
const lines = input[Symbol.asyncIterator]()
process.stdout.on('error', () => {})
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => input.close())

const first = await lines.next()
if (first.done) process.exit(0) // the parent has ended before it said anything
const spec = parseSpec(first.value)
const logFile = join(spec.folder, 'server.log')
/** @type {Child | undefined} */
let server
/** @type {(() => void) | undefined} */
let announceStop
// Whatever ends this process: it never leaves a server behind.
process.on('exit', () => server?.kill('SIGKILL'))

try {
  mkdirSync(spec.folder, { recursive: true })
  announceStop = (await lockFolder(spec.folder)).announceStop
  await prepare()
  start()
  for await (const _ of lines) start()
} catch (error) {
  report(`failed ${JSON.stringify(String(error))}`)
}
announceStop?.()
await stop()
// Only who held the folder may remove it.
if (spec.temporary && announceStop) rmSync(spec.folder, { recursive: true, force: true, maxRetries: 5 })
process.exit(0)

/**
 * @param {string} line
 * @returns {ServerSpec}
 */
function parseSpec(line) {
  /** @type {unknown} */
  const spec = JSON.parse(line)
  if (!isSpec(spec)) throw new Error('The first line is no spec')
  return spec
}

/**
 * @param {unknown} value
 * @returns {value is ServerSpec}
 */
function isSpec(value) {
  return typeof value === 'object' && value !== null && 'folder' in value && 'command' in value
}

/** Makes the folder ready for the server: owner, files, and the initial data if there is none. */
async function prepare() {
  if (spec.user) chownSync(spec.folder, spec.user.uid, spec.user.gid)
  writeFileSync(logFile, '')
  for (const [name, content] of Object.entries(spec.files ?? {})) {
    const file = join(spec.folder, name)
    writeFileSync(file, content, { mode: 0o600 })
    if (spec.user) chownSync(file, spec.user.uid, spec.user.gid)
  }
  if (!spec.init || existsSync(join(spec.folder, spec.init.creates))) return
  // Made under another name first: data of a half-done initialisation is never taken for whole.
  const unfinished = join(spec.folder, `${spec.init.creates}.new`)
  rmSync(unfinished, { recursive: true, force: true })
  const child = launch(spec.init.command)
  const output = collect(child)
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${spec.init.command[0]} failed: ${output()}`)
  renameSync(unfinished, join(spec.folder, spec.init.creates))
}

function start() {
  if (server) {
    const running = server.exitCode === null && server.signalCode === null
    if (running) report(`ready ${server.pid}`)
    else server.once('close', start)
    return
  }
  const child = launch(spec.command)
  server = child
  let ready = false
  const output = collect(child, (text) => {
    if (ready || !text.includes(spec.readyText)) return
    ready = true
    report(`ready ${child.pid}`)
  })
  // 'close' comes when the last process that writes to the log has ended: a killed server's children are gone too.
  child.once('close', () => {
    server = undefined
    report(ready ? 'exited' : `failed ${JSON.stringify(`${spec.command[0]} did not start: ${output()}`)}`)
  })
}

async function stop() {
  const child = server
  if (!child) return
  const closed = once(child, 'close')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  child.kill('SIGCONT')
  child.kill(spec.stopSignal)
  await closed
  clearTimeout(timer)
}

/**
 * @param {readonly string[]} command
 * @returns {Child}
 */
function launch([program = '', ...args]) {
  const env = { ...process.env, ...spec.env }
  // Not in the caller's folder: a server that runs as another user may not be allowed in.
  const cwd = parse(spec.folder).root
  return spawn(program, args, { ...spec.user, cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/**
 * Writes a child's output to the log file, and keeps the end of it.
 *
 * @param {Child} child
 * @param {(text: string) => void} [onText] gets the end of the output whenever there is more
 * @returns {() => string} the end of the output
 */
function collect(child, onText) {
  let text = ''
  /** @param {Buffer | Error} chunk */
  const add = (chunk) => {
    text = (text + String(chunk)).slice(-4_000)
    writeLog(String(chunk))
    onText?.(text)
  }
  child.once('error', add)
  child.stdout.on('data', add)
  child.stderr.on('data', add)
  return () => text.trim()
}

/** @param {string} text */
function writeLog(text) {
  try {
    appendFileSync(logFile, text)
  } catch {
    // A full disk is the server's concern: its keeper goes on.
  }
}

/** @param {string} line */
function report(line) {
  process.stdout.write(`${line}\n`)
}
