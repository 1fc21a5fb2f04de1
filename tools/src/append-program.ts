import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

interface Key {
  readonly typeName: string
  readonly id: string
}

interface Head {
  readonly seqNo: number
  readonly position: number
}

interface Append {
  readonly key: Key
  readonly expected: Head
  readonly appendId: string
  readonly groups: readonly (readonly NewEvt[])[]
}

interface NewEvt {
  readonly type: string
  readonly version: number
  readonly bytes: Uint8Array
  readonly metadata: Readonly<Record<string, string>>
}

/** What the program needs of an event log, of whichever backend. */
export interface AppendLog {
  head(key: Key): Promise<Head>
  persist(append: Append): Promise<{ readonly head: Head; readonly positions: readonly number[] }>
  close(): Promise<void>
}

/** To which entities a program appends. */
export interface AppendOptions {
  readonly typeName: string
  readonly ids: readonly string[]
}

const TRANSIENT: readonly unknown[] = ['UNAVAILABLE', 'UNCERTAIN']

/**
 * Appends to some entities at once, going on from where each stands, until the program's input ends. It prints a line for each event that
 * was acknowledged: its entity, seqNo, position and payload, which is used once. It is there to be killed.
 *
 * @throws what the log fails with, but for what is to be tried again
 */
export async function appendUntilInputEnds(
  open: () => Promise<AppendLog>,
  { typeName, ids }: AppendOptions,
): Promise<void> {
  const over = new AbortController()
  process.stdin.on('end', () => over.abort()).resume()
  const log = await untilKnown(over.signal, open)
  if (log === undefined) return
  await Promise.all(ids.map((id) => appendTo(log, { typeName, id }, over.signal)))
  await log.close()
}

async function appendTo(log: AppendLog, key: Key, signal: AbortSignal): Promise<void> {
  let expected = await untilKnown(signal, () => log.head(key))
  while (expected !== undefined) expected = await appendAt(log, key, expected, signal)
}

/** Appends one to three events. @returns where to go on; nothing if the program is to end */
async function appendAt(log: AppendLog, key: Key, expected: Head, signal: AbortSignal): Promise<Head | undefined> {
  const payloads = Array.from({ length: 1 + randomInt(3) }, () => randomUUID())
  const evts = payloads.map((payload) => ({
    type: 'Written',
    version: 1,
    bytes: Buffer.from(payload),
    metadata: {},
  }))
  // Commands of one event each, or one command of several.
  const groups = randomInt(2) === 0 ? [evts] : evts.map((evt) => [evt])
  const append = { key, expected, appendId: `${randomUUID()}-1`, groups }
  try {
    const persisted = await untilKnown(signal, () => log.persist(append))
    for (const [nth, position] of persisted?.positions.entries() ?? []) {
      process.stdout.write(`${key.id} ${expected.seqNo + nth + 1} ${position} ${payloads[nth]}\n`)
    }
    return persisted?.head
  } catch (error) {
    // The one who was killed before may have had an append on its way.
    if (codeOf(error) === 'CONFLICT') return untilKnown(signal, () => log.head(key))
    throw error
  }
}

/** Does the very same until it is known what became of it; nothing if the program is to end before. */
async function untilKnown<Result>(signal: AbortSignal, attempt: () => Promise<Result>): Promise<Result | undefined> {
  while (!signal.aborted) {
    try {
      return await attempt()
    } catch (error) {
      if (!TRANSIENT.includes(codeOf(error))) throw error
      process.stderr.write(`${String(error)}\n`)
      await sleep(20)
    }
  }
  return undefined
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
