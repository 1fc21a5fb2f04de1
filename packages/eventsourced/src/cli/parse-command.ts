import { parseArgs } from 'node:util'
import { messageOf } from '../errors.js'

/** The command line is not one that there is. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

const NAMED = ['status', 'pause', 'resume', 'stop', 'reset', 'promote', 'remove'] as const
const PARKED = ['list', 'retry', 'drop'] as const

/** What may be done with one projection. */
export type Action = (typeof NAMED)[number] | `parked ${(typeof PARKED)[number]}`

/** What is asked for besides. */
export interface CommandOptions {
  readonly config: string | undefined
  readonly json: boolean
  readonly version: number | undefined
  readonly position: number | undefined
  readonly timeoutMs: number
  readonly withParked: boolean
  readonly id: string | undefined
  readonly seqNo: number | undefined
}

/** A command line that was understood. */
export type Command =
  | { readonly kind: 'help' }
  | (CommandOptions & { readonly kind: 'list' })
  | (CommandOptions & { readonly kind: 'action'; readonly action: Action; readonly name: string })

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  version: { type: 'string' },
  position: { type: 'string' },
  timeout: { type: 'string' },
  'with-parked': { type: 'boolean' },
  id: { type: 'string' },
  seqNo: { type: 'string' },
} as const

/** The options of a command, besides `--config` and, but for list, `--version`. */
const OWN: Readonly<Record<Action | 'list', readonly (keyof typeof OPTIONS)[]>> = {
  list: ['json'],
  status: ['json'],
  pause: [],
  resume: [],
  stop: [],
  reset: ['position'],
  promote: ['timeout', 'with-parked'],
  remove: [],
  'parked list': ['id', 'json'],
  'parked retry': ['id'],
  'parked drop': ['id', 'seqNo'],
}

/** Understands a command line. @throws {UsageError} */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parsed(args)
  if (values.help === true || args.length === 0) return { kind: 'help' }
  const options: CommandOptions = {
    config: values.config,
    json: values.json === true,
    version: whole('version', values.version),
    position: whole('position', values.position),
    timeoutMs: 1_000 * (whole('timeout', values.timeout) ?? 60),
    withParked: values['with-parked'] === true,
    id: values.id,
    seqNo: whole('seqNo', values.seqNo),
  }
  const [topic, ...words] = positionals
  if (topic !== 'projections') throw new UsageError(`there is nothing named ${topic ?? '""'}: expected projections`)
  if (words[0] === 'list') {
    checkWords(words, 1)
    checkOwn('list', Object.keys(values), ['config'])
    return { kind: 'list', ...options }
  }
  const action = actionOf(words)
  const length = action.split(' ').length + 1
  const name = words[length - 1]
  if (name === undefined) throw new UsageError(`${action} needs the name of a projection`)
  checkWords(words, length)
  checkOwn(action, Object.keys(values), ['config', 'version'])
  checkGiven(action, options)
  return { kind: 'action', action, name, ...options }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

function actionOf([first, second]: readonly string[]): Action {
  const named = NAMED.find((one) => one === first)
  if (named !== undefined) return named
  const parked = PARKED.find((one) => one === second)
  if (first === 'parked' && parked !== undefined) return `parked ${parked}`
  const asked = first === 'parked' ? `parked ${second ?? ''}` : (first ?? '""')
  throw new UsageError(
    `there is no command ${asked}: expected list, ${NAMED.join(', ')}, or parked ${PARKED.join('|')}`,
  )
}

function checkWords(words: readonly string[], length: number): void {
  if (words.length > length) throw new UsageError(`${words[length]} is one word too many`)
}

/** Checks that all options that are given mean something to the command. */
function checkOwn(command: Action | 'list', given: readonly string[], common: readonly string[]): void {
  const own: readonly string[] = OWN[command]
  const strange = given.find((option) => !own.includes(option) && !common.includes(option))
  if (strange !== undefined) throw new UsageError(`${command} knows no --${strange}`)
}

function checkGiven(action: Action, { position, id }: CommandOptions): void {
  if (action === 'reset' && position === undefined) throw new UsageError('reset needs --position')
  if ((action === 'parked retry' || action === 'parked drop') && id === undefined) {
    throw new UsageError(`${action} needs --id`)
  }
}

function whole(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number
  throw new UsageError(`--${option} is ${text}: expected a whole number, 0 or more`)
}
