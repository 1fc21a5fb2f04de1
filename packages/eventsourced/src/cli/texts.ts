import type { ParkedEvt } from '../projection/offset-store.js'
import type { ProjectionStatus, SliceStatus } from '../projection/status.js'

/** A text for a terminal, on a line: what a handler, or an event, has to say must neither feign lines nor steer the terminal. */
export function onLine(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu, (char) => {
    const code = char.codePointAt(0) ?? 0
    return ESCAPES[char] ?? `\\u${code.toString(16).padStart(4, '0')}`
  })
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Rows in columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(onLine))
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** How a projection stands, for people. */
export function statusText(status: ProjectionStatus): string {
  const { name, version, typeName, state, serving, position, head, lag } = status
  const { parked, lastError, members, requests, slices } = status
  const lines = [
    ['projection', `${name}, version ${version}, of ${typeName}${serving ? ', serving' : ''}`],
    ['state', state],
    ['position', `${position} of ${head}`],
    ['lag', `${lag.positions} positions, ${lag.seconds.toFixed(1)} s`],
    ['owners', members.length === 0 ? 'none' : members.map((member) => ownerText(member, slices)).join(', ')],
    ...(parked === 0 ? [] : [['parked', `${parked} events`]]),
    ...(requests.length === 0 ? [] : [['requests', `${requests.length} not yet carried out`]]),
    ...(lastError === undefined ? [] : [['last error', `${lastError.at.toISOString()} ${lastError.message}`]]),
  ]
  const troubled = slices.filter((one) => one.lastError !== undefined)
  const rows = troubled.map(({ slice, state, position, lag: { positions }, lastError }) =>
    [slice, state, position, positions, lastError?.attempts ?? 0, lastError?.message ?? ''].map(String),
  )
  const detail = rows.length === 0 ? [] : ['', table(['slice', 'state', 'position', 'lag', 'attempts', 'error'], rows)]
  return [table(['', ''], lines).trimStart(), ...detail].join('\n')
}

function ownerText(member: string, slices: readonly SliceStatus[]): string {
  return `${member} (${slices.filter(({ owner }) => owner === member).length} slices)`
}

/** A parked event on a line. */
export function parkedLine({ evt, failure }: ParkedEvt): string {
  const why = failure === undefined ? 'behind it' : `${failure.at.toISOString()} ${failure.message}`
  return onLine([evt.key.id, `event ${evt.seqNo}`, `position ${evt.position}`, evt.type, why].join('  '))
}
