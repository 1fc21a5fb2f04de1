import { UnavailableError } from 'eventsourced'
import type { Pool, PoolClient } from 'pg'
import { inTime } from '../database/in-time.js'
import { borrow } from '../database/lend.js'

/** A connection of a pool that a transaction has to itself, and what has become of it. */
export interface Line {
  readonly client: PoolClient
  /** Whether it was cut by this process: nobody waited for it any longer, or it did not answer in time. */
  readonly isCut: () => boolean
  readonly isLost: () => boolean
  /** Whether the server has ended it since another connection's process had crashed. */
  readonly isOthersCrash: () => boolean
  /** Waits for an answer of the server. @throws {UnavailableError} if none comes in time: the connection is cut */
  readonly inTime: <T>(answer: Promise<T>) => Promise<T>
  /** Gives it back to the pool, or cuts it. */
  readonly end: (cut: boolean) => void
}

/** What a server tells all those whose connections it ends since another one's process has crashed, before it does so. */
const CRASH_OF_ANOTHER = '57P02'

/** Takes a connection of the pool; it is cut at once when the signal fires. */
export async function openLine(
  pool: Pool,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Line> {
  const { client, giveBack } = await borrow(pool, { timeoutMs, signal })
  let isCut = false
  let isLost = false
  let isOthersCrash = false
  const cut = () => {
    isCut = true
    giveBack(true)
  }
  const lost = () => {
    isLost = true
  }
  const noticed = ({ code }: { readonly code: string | undefined }) => {
    if (code === CRASH_OF_ANOTHER) isOthersCrash = true
  }
  signal.addEventListener('abort', cut)
  client.once('error', lost)
  client.on('notice', noticed)
  return {
    client,
    isCut: () => isCut,
    isLost: () => isLost,
    isOthersCrash: () => isOthersCrash,
    inTime: (answer) =>
      inTime(
        answer,
        { timeoutMs },
        {
          tooLate: () => {
            cut()
            return new UnavailableError(`no answer within ${timeoutMs} ms`)
          },
          leftBehind: (late) => void late.catch(() => undefined),
        },
      ),
    end: (isSpent) => {
      signal.removeEventListener('abort', cut)
      client.off('error', lost)
      client.off('notice', noticed)
      giveBack(isSpent)
    },
  }
}
