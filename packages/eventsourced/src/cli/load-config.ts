import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkPart } from '../entity/check-fields.js'
import { InvalidInputError } from '../errors.js'
import type { EvtLog } from '../log/evt-log.js'
import type { OffsetStore } from '../projection/offset-store.js'

const DEFAULT_CONFIG = 'eventsourced.config.js'

/** The running parts that a configuration exports. */
export interface Parts {
  readonly evtLog: EvtLog
  readonly offsetStore: OffsetStore
  close(): Promise<void>
}

/** Loads the module that exports `evtLog` and `offsetStore`, open. @throws {InvalidInputError}, and what the module throws */
export async function loadConfig(cwd: string, file = DEFAULT_CONFIG): Promise<Parts> {
  const path = resolve(cwd, file)
  try {
    await access(path)
  } catch (cause) {
    throw new InvalidInputError('config', path, 'a module that exports evtLog and offsetStore', { cause })
  }
  const exported: unknown = await import(pathToFileURL(path).href)
  const evtLog = partOf(exported, 'evtLog')
  const offsetStore = partOf(exported, 'offsetStore')
  if (!isEvtLog(evtLog)) throw new InvalidInputError('evtLog', evtLog, `an EvtLog, exported by ${path}`)
  if (!isOffsetStore(offsetStore)) {
    throw new InvalidInputError('offsetStore', offsetStore, `an OffsetStore, exported by ${path}`)
  }
  return {
    evtLog,
    offsetStore,
    close: async () => {
      await offsetStore.close()
      await evtLog.close()
    },
  }
}

function partOf(exported: unknown, name: string): unknown {
  return typeof exported === 'object' && exported !== null ? Reflect.get(exported, name) : undefined
}

function isEvtLog(part: unknown): part is EvtLog {
  return hasMethods(part, ['evtsByType', 'headPosition', 'close'])
}

function isOffsetStore(part: unknown): part is OffsetStore {
  return hasMethods(part, ['claim', 'commit', 'slices', 'parked', 'entry', 'putEntry', 'names', 'close'])
}

function hasMethods(part: unknown, methods: readonly string[]): boolean {
  try {
    checkPart('part', part, methods)
    return true
  } catch {
    return false
  }
}
