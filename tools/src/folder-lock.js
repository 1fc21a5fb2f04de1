import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @typedef {{ announceStop: () => void }} Lock */

/** How long a holder that doesn't say that it is stopping is waited for: its parent may have died this very moment. */
const HELD_WAIT_MS = 3_000
/** How long a holder that is stopping is waited for: longer than a keeper gives its server. */
const STOPPING_WAIT_MS = 30_000

/**
 * Locks a data folder for as long as this process lives, waiting for a holder that is about to end.
 *
 * The lock is a listening socket, not a file with a process id in it: the operating system frees it however the holder
 * ends, no id is ever taken for that of another process, and who waits is woken when the holder ends.
 *
 * @param {string} folder an existing folder
 * @returns {Promise<Lock>} tells those who wait that the holder is stopping
 * @throws {Error} when another process holds the folder and doesn't end
 */
export async function lockFolder(folder) {
  const name = socketName(folder)
  let lock = await tryLock(name)
  while (lock === undefined) {
    if (!(await holderEnded(name))) throw new Error(`${folder} is in use by another run: end that first`)
    lock = await tryLock(name)
  }
  return lock
}

/** @param {string} folder */
function socketName(folder) {
  const id = `eventsourced-${createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32)}`
  if (process.platform === 'linux') return `\0${id}`
  return process.platform === 'win32' ? `\\\\.\\pipe\\${id}` : join(tmpdir(), `${id}.sock`)
}

/**
 * @param {string} name
 * @returns {Promise<Lock | undefined>}
 */
function tryLock(name) {
  /** @type {Set<import('node:net').Socket>} */
  const waiters = new Set()
  let stopping = false
  const server = createServer((socket) => {
    waiters.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => waiters.delete(socket))
    if (stopping) socket.write('stopping')
  })
  const announceStop = () => {
    stopping = true
    for (const socket of waiters) socket.write('stopping')
  }
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      'code' in error && error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(name, () => resolve({ announceStop }))
  })
}

/**
 * @param {string} name
 * @returns {Promise<boolean>}
 */
function holderEnded(name) {
  return new Promise((resolve) => {
    const socket = connect(name)
    let timer = setTimeout(() => settle(false), HELD_WAIT_MS)
    /** @param {boolean} ended */
    const settle = (ended) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(ended)
    }
    socket.once('data', () => {
      clearTimeout(timer)
      timer = setTimeout(() => settle(false), STOPPING_WAIT_MS)
    })
    socket.once('error', (error) => {
      // Only a socket in the file system outlives its process.
      if ('code' in error && error.code === 'ECONNREFUSED' && !name.startsWith('\0')) rmSync(name, { force: true })
      settle(true)
    })
    socket.once('close', () => settle(true))
  })
}
