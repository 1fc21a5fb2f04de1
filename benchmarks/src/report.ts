import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Measured } from './measure.js'

/** A figure that an issue asks for. */
export interface Figure {
  readonly what: string
  readonly value: number
  /** What it ought to be, such as `>= 15`. */
  readonly target: string
}

const results = fileURLToPath(new URL('../results/', import.meta.url))

/** Prints what was measured, with its spread. */
export function printMeasured(title: string, measured: readonly Measured[], unit = '/s'): void {
  print(`\n${title}`)
  const width = Math.max(...measured.map(({ name }) => name.length))
  for (const { name, median, min, max } of measured) {
    const spread = `${format(min)} to ${format(max)}`
    print(`  ${name.padEnd(width)}  ${format(median).padStart(12)} ${unit}   (${spread})`)
  }
}

/** Prints the figures, and writes them to `benchmarks/results/NAME.json`, unless they are but some of them. */
export async function report(name: string, figures: readonly Figure[], { write = true } = {}): Promise<void> {
  if (figures.length === 0) return
  print('\nfigures')
  const width = Math.max(...figures.map(({ what }) => what.length))
  for (const { what, value, target } of figures) {
    print(`  ${what.padEnd(width)}  ${format(value).padStart(12)}   asked for: ${target}`)
  }
  if (!write) return
  const ratios = Object.fromEntries(figures.map(({ what, value }) => [what, rounded(value)]))
  await mkdir(results, { recursive: true })
  await writeFile(`${results}${name}.json`, `${JSON.stringify({ ratios }, undefined, 2)}\n`)
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

function format(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : String(rounded(value))
}
