import { setTimeout as sleep } from 'node:timers/promises'

/** A case of a conformance suite. */
export interface SuiteCase<Subject extends Closeable> {
  /** What is promised, as a sentence. */
  readonly name: string
  /**
   * Runs the case on a subject of its own: creates it, and closes it in the end. Rejects if the promise isn't kept, with an
   * `AssertionError` of `node:assert` or with what the subject threw.
   *
   * @param options `deadlineMs`: how long the case may take, 20 s by default. A subject that hangs fails the case then.
   */
  readonly run: (create: () => Promise<Subject>, options?: { readonly deadlineMs?: number }) => Promise<void>
}

interface Closeable {
  close(): Promise<void>
}

const DEADLINE_MS = 20_000

export function suiteCase<Subject extends Closeable>(
  name: string,
  body: (subject: Subject) => Promise<void>,
): SuiteCase<Subject> {
  return {
    name,
    run: async (create, { deadlineMs = DEADLINE_MS } = {}) => {
      const subject = await inTime(create(), deadlineMs, 'create()')
      try {
        await inTime(body(subject), deadlineMs, 'the case')
      } catch (error) {
        // The first failure says what is wrong; what fails in its wake doesn't.
        await inTime(subject.close(), deadlineMs, 'close()').catch(() => undefined)
        throw error
      }
      await inTime(subject.close(), deadlineMs, 'close()')
    },
  }
}

async function inTime<Result>(work: Promise<Result>, deadlineMs: number, what: string): Promise<Result> {
  const over = new AbortController()
  const late = sleep(deadlineMs, undefined, over).then(() => {
    throw new Error(`${what} is not done after ${deadlineMs} ms`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
