/** A line of a chart: its name, its colour, and its points. */
export interface Line {
  readonly name: string
  readonly color: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** A chart with logarithmic axes. */
export interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  /** Those above first. */
  readonly lines: readonly Line[]
}

const WIDTH = 720
const HEIGHT = 300
const LEFT = 84
const RIGHT = 96
const TOP = 44
const BOTTOM = 52

/** Draws charts one below the other, as an SVG that reads well on white and by itself. */
export function plot(charts: readonly Chart[]): string {
  const height = HEIGHT * charts.length
  const drawn = charts.map((chart, index) => `<g transform="translate(0 ${index * HEIGHT})">${draw(chart)}</g>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"
  font-family="system-ui, sans-serif" font-size="13" fill="#24292f">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`
}

function draw({ title, x, y, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points)
  const xAxis = axis(
    points.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  )
  const yAxis = axis(
    points.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  )
  const vertical = xAxis.ticks.map((tick) => {
    const at = round(xAxis.at(tick))
    return `<path d="M${at} ${TOP}V${HEIGHT - BOTTOM}" stroke="#eaeef2"/>
<text x="${at}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${label(tick)}</text>`
  })
  const horizontal = yAxis.ticks.map((tick) => {
    const at = round(yAxis.at(tick))
    return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#eaeef2"/>
<text x="${LEFT - 10}" y="${at + 4}" text-anchor="end">${label(tick)}</text>`
  })
  return `
<text x="${LEFT}" y="24" font-size="15" font-weight="600">${title}</text>
${[...vertical, ...horizontal].join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle" fill="#57606a">${x}</text>
<text transform="translate(20 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="#57606a">${y}</text>
${drawLines(lines, xAxis, yAxis)}
`
}

/** The lines, each with its name at its end, the upper ones first, one below the other. */
function drawLines(lines: readonly Line[], xAxis: Axis, yAxis: Axis): string {
  let free = 0
  return lines
    .map(({ name, color, points }) => {
      const places = points.map(([x, y]) => [round(xAxis.at(x)), round(yAxis.at(y))] as const)
      const [endX = 0, endY = 0] = places.at(-1) ?? []
      const labelY = Math.max(free, endY + 4)
      free = labelY + 16
      const dots = places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${color}"/>`)
      return `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>
${dots.join('')}
<text x="${endX + 10}" y="${labelY}" fill="${color}" font-weight="600">${name}</text>`
    })
    .join('\n')
}

interface Axis {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

/** A logarithmic axis over whole powers of ten, from one place to another. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  return {
    at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n)),
  }
}

function label(value: number): string {
  return value >= 1 ? value.toLocaleString('en') : String(Number(value.toPrecision(1)))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
