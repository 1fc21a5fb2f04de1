import { InvalidInputError } from '../errors.js'
import type { ManagedProjection } from '../projection/managed-projection.js'
import type { ParkedEvt } from '../projection/offset-store.js'
import { Projections } from '../projection/projections.js'
import type { ProjectionStatus } from '../projection/status.js'
import type { Parts } from './load-config.js'
import type { Action, Command, CommandOptions } from './parse-command.js'
import { parkedLine, statusText, table } from './texts.js'

type Out = (text: string) => void

/** Does what a command line asks for. @throws as `ManagedProjection` does */
export async function runCommand(command: Exclude<Command, { kind: 'help' }>, parts: Parts, out: Out): Promise<void> {
  const projections = new Projections(parts)
  if (command.kind === 'list') return list(projections, command, out)
  const version = command.version ?? (await onlyVersion(projections, command.name))
  const projection = projections.of({ name: command.name, version })
  await ACTIONS[command.action](projection, command, out)
}

type Run = (projection: ManagedProjection, options: CommandOptions, out: Out) => Promise<void>

const ACTIONS: Readonly<Record<Action, Run>> = {
  status: async (projection, { json }, out) => {
    const status = await projection.status()
    out(json ? JSON.stringify(status) : statusText(status))
  },
  pause: (projection) => projection.pause(),
  resume: (projection) => projection.resume(),
  stop: (projection) => projection.stop(),
  reset: (projection, { position }) => projection.reset(given('position', position)),
  promote: (projection, { timeoutMs, withParked }) =>
    projection.promote({ deadline: new Date(Date.now() + timeoutMs), withParked }),
  remove: (projection) => projection.remove(),
  'parked list': async (projection, { id, json }, out) => {
    for await (const one of projection.parked(id === undefined ? {} : { id })) out(json ? asJson(one) : parkedLine(one))
  },
  'parked retry': (projection, { id }) => projection.retryParked(given('id', id)),
  'parked drop': (projection, { id, seqNo }) =>
    projection.dropParked(given('id', id), seqNo === undefined ? {} : { seqNo }),
}

async function list(projections: Projections, { json }: CommandOptions, out: Out): Promise<void> {
  const statuses: ProjectionStatus[] = []
  for (const key of await projections.list()) statuses.push(await projections.of(key).status())
  if (json) return statuses.forEach((status) => out(JSON.stringify(status)))
  const rows = statuses.map(({ name, version, state, serving, position, lag: { positions, seconds } }) =>
    [name, version, state, serving ? 'yes' : 'no', position, positions, seconds.toFixed(1)].map(String),
  )
  out(table(['name', 'version', 'state', 'serving', 'position', 'lag', 'lag (s)'], rows))
}

async function onlyVersion(projections: Projections, name: string): Promise<number> {
  const versions = (await projections.list()).filter((key) => key.name === name).map(({ version }) => version)
  const [version] = versions
  if (version === undefined) throw new InvalidInputError('name', name, 'a projection that was started at least once')
  if (versions.length > 1) throw new InvalidInputError('--version', undefined, `one of ${versions.join(', ')}`)
  return version
}

/** Without the bytes: they are the binarizer's. */
function asJson({ evt: { bytes, ...evt }, failure }: ParkedEvt): string {
  return JSON.stringify({ ...evt, bytes: Buffer.from(bytes).toString('base64'), failure })
}

function given<Value>(option: string, value: Value | undefined): Value {
  if (value === undefined) throw new InvalidInputError(`--${option}`, value, 'a value')
  return value
}
