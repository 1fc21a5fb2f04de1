import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ConfigError } from './config-error.js'

const PREFIX = 'APP__'
const VARIABLE = /^APP__[A-Z0-9]+(_[A-Z0-9]+)*__[A-Z0-9]+(_[A-Z0-9]+)*$/

/** Settings by section and key, and where each was set: the path of a file, or the name of a variable. */
export interface Settings {
  readonly sections: Record<string, Record<string, unknown>>
  /** By `section.key`. */
  readonly places: Map<string, string>
}

/** The settings of YAML files in a folder, overridden by those of the environment. @throws {ConfigError} */
export function readSettings(folder: string, files: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const settings: Settings = { sections: {}, places: new Map() }
  for (const file of files) addFile(settings, join(folder, file))
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(PREFIX) && value !== undefined) addVariable(settings, name, value)
  }
  return settings
}

function addFile(settings: Settings, path: string): void {
  const content = parsed(path)
  if (!isSection(content)) throw new ConfigError([`${path}: expected sections with settings`])
  for (const [section, values] of Object.entries(content)) {
    settings.places.set(section, path)
    // A section in which all is commented out.
    settings.sections[section] ??= {}
    if (values === null) continue
    if (!isSection(values)) throw new ConfigError([`${path}: ${section} is no section: expected settings in it`])
    for (const [key, value] of Object.entries(values)) set(settings, section, key, value, path)
  }
}

function parsed(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new ConfigError([`${path} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`], {
      cause,
    })
  }
}

/** `APP__EVT_LOG__SERVER_ADDR` sets `evtLog.serverAddr`. */
function addVariable(settings: Settings, name: string, value: string): void {
  if (!VARIABLE.test(name)) {
    throw new ConfigError([
      `the variable ${name} names no setting: expected APP__SECTION__KEY, such as APP__COUNTER__EVT_COUNT`,
    ])
  }
  const [section = '', key = ''] = name.slice(PREFIX.length).split('__').map(camelCase)
  set(settings, section, key, value, `the variable ${name}`)
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function set({ sections, places }: Settings, section: string, key: string, value: unknown, place: string): void {
  sections[section] = { ...sections[section], [key]: value }
  places.set(`${section}.${key}`, place)
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
