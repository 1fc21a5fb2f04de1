import { UnavailableError } from 'eventsourced'
import type { Pool, PoolClient } from 'pg'
import { isConnectionSpent } from '../errors/sqlstate.js'
import { cancel } from './cancel.js'
import { type Bounds, inTime } from './in-time.js'

/** How long a statement that nobody waits for any longer may go on before its connection is cut. */
const GRACE_MS = 1_000

/** What bounds a piece of work. */
export interface WorkBounds extends Bounds {
  /**
   * Whether the work only reads. Then its statement is cancelled when nobody waits for it any longer. To cancel a commit that waits for a synchronous standby would
   * have it count without.
   */
  readonly isRead?: boolean
}

/** Lends a connection of the pool for one piece of work, for as long as the bounds allow. */
export async function lend<T>(pool: Pool, bounds: WorkBounds, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return workOn(await borrow(pool, bounds), bounds, work)
}

/**
 * Works with a connection, then gives it back. One that can't be trusted any longer is cut: one that is lost, whose statement did not answer in
 * time, or whose reader has gone for more than a moment.
 */
export async function workOn<T>(
  { client, giveBack }: Borrowed,
  bounds: WorkBounds,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  let isLeft = false
  const cut = (): void => {
    if (bounds.isRead === true) cancel(client)
    giveBack(true)
  }
  try {
    const result = await inTime(work(client), bounds, {
      tooLate: () => {
        cut()
        return new UnavailableError(`no answer within ${bounds.timeoutMs} ms`)
      },
      leftBehind: (late) => {
        isLeft = true
        giveBackAfter(late, giveBack, cut)
      },
    })
    giveBack(false)
    return result
  } catch (error) {
    if (!isLeft) giveBack(isConnectionSpent(error))
    throw error
  }
}

/** A connection of a pool. */
export interface Borrowed {
  readonly client: PoolClient
  /** Gives it back to the pool, or cuts it; once only, whatever comes later. */
  readonly giveBack: (cut: boolean) => void
}

/** Takes a connection of the pool, as soon as one is free within the bounds. */
export async function borrow(pool: Pool, bounds: Bounds): Promise<Borrowed> {
  const client = await inTime(connect(pool), bounds, {
    tooLate: () => new UnavailableError(`no connection of the pool was free within ${bounds.timeoutMs} ms`),
    leftBehind: (late) => void late.then((client) => releaseOnce(client)(false), noop),
  })
  return { client, giveBack: releaseOnce(client) }
}

/**
 * A connection that is lost while it is lent tells so by an error event, too, which without a listener would end the process. It may be lost by the very
 * bytes that make it: so the listener is there before anything else happens, which a promise would not allow.
 */
function connect(pool: Pool): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      client?.on('error', noop)
      if (client === undefined) reject(error ?? new Error('the pool gave no connection'))
      else resolve(client)
    })
  })
}

function releaseOnce(client: PoolClient): (cut: boolean) => void {
  let released = false
  return (cut) => {
    if (released) return
    released = true
    client.release(cut)
    if (!cut) client.off('error', noop)
  }
}

function giveBackAfter(late: Promise<unknown>, giveBack: (cut: boolean) => void, cut: () => void): void {
  const timer = setTimeout(cut, GRACE_MS)
  late
    .then(
      () => giveBack(false),
      (error: unknown) => giveBack(isConnectionSpent(error)),
    )
    .finally(() => clearTimeout(timer))
}

function noop(): void {}
