import { SingleBar } from 'cli-progress'

const BAR_MS = 100
const LINE_MS = 1_000
const FORMAT = '{bar} {percentage}% | {events} of {all} events | {rate} events/s'

/** Where progress is shown: a terminal, a pipe or a file. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Shows how far a run is: a bar on a terminal, elsewhere a line now and then. */
export interface Progress {
  /** Shows the end, and nothing more. */
  stop(): void
}

/** @param done tells how many of all events are stored; asked now and then */
export function showProgress(output: Output, all: number, done: () => number): Progress {
  const start = performance.now()
  const rate = () => whole((done() / Math.max(performance.now() - start, 1)) * 1_000)
  return output.isTTY ? bar(output, all, done, rate) : lines(output, all, done, rate)
}

function bar(output: Output, all: number, done: () => number, rate: () => string): Progress {
  // Ctrl-C is for the run to end: the bar stops when that does.
  const shown = new SingleBar({
    stream: output,
    format: FORMAT,
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    gracefulExit: false,
  })
  const payload = () => ({ events: whole(done()), all: whole(all), rate: rate() })
  shown.start(all, 0, payload())
  const timer = setInterval(() => shown.update(done(), payload()), BAR_MS)
  return {
    stop() {
      clearInterval(timer)
      shown.update(done(), payload())
      shown.stop()
    },
  }
}

function lines(output: Output, all: number, done: () => number, rate: () => string): Progress {
  const line = () => output.write(`${whole(done())} of ${whole(all)} events, ${rate()} events/s\n`)
  const timer = setInterval(line, LINE_MS)
  return {
    stop() {
      clearInterval(timer)
      line()
    },
  }
}

function whole(count: number): string {
  return Math.round(count).toLocaleString('en')
}
