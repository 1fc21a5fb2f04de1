/// <reference types="node" />
// Installs the dependencies if that is due, and is done in a moment if not. It runs before anything is installed, so it
// uses Node alone, and only what an old Node can read, so as to be able to say that it is too old.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: please install Node 20.19 or later.`)
}
if (!isInstalled()) {
  process.stderr.write('Installing the dependencies (npm ci)\n')
  const { status, error } = npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=warn'])
  if (status !== 0) fail(`npm ci failed${error ? `: ${error.message}` : ''}`)
}

/**
 * Whether node_modules holds what package-lock.json asks for, by the list that npm leaves there when it has finished.
 * File times would not do: a checkout changes them, and an interrupted installation looks new.
 */
function isInstalled() {
  const required = packagesOf(join(root, 'package-lock.json'))
  if (!required) fail('package-lock.json is missing or damaged')
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  if (!installed) return false
  return Object.entries(required).every(([path, wanted]) => {
    if (!path.includes('node_modules/')) return true // a workspace's own folder
    const found = installed[path]
    if (!found) return wanted.optional === true // it may be for another platform
    return wanted.version === found.version && wanted.integrity === found.integrity && existsSync(join(root, path))
  })
}

/** @typedef {Record<string, { version?: string, integrity?: string, optional?: boolean }>} Packages */

/**
 * The packages of a lock file by path, undefined if it is missing or damaged.
 *
 * @param {string} file
 * @returns {Packages | undefined}
 */
function packagesOf(file) {
  try {
    /** @type {unknown} */
    const content = JSON.parse(readFileSync(file, 'utf8'))
    return isLock(content) ? content.packages : undefined
  } catch {
    return undefined
  }
}

/**
 * @param {unknown} value
 * @returns {value is { packages: Packages }}
 */
function isLock(value) {
  return typeof value === 'object' && value !== null && 'packages' in value
}

/**
 * Runs the npm that runs this, or else the one on the PATH, which on Windows is a script for the shell.
 *
 * @param {string[]} args
 */
function npm(args) {
  const { npm_execpath: running = '' } = process.env
  return basename(running) === 'npm-cli.js'
    ? spawnSync(process.execPath, [running, ...args], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
