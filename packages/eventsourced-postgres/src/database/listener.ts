import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, escapeIdentifier } from 'pg'
import type { Logger } from 'pino'
import { messageOf } from '../errors/read-error.js'
import { sqlState } from '../errors/sqlstate.js'
import { Waiters, type Watch } from './waiters.js'

/** What a listener works with. */
export interface ListenerOptions {
  readonly channel: string
  /** Makes a connection of its own, which is not connected yet. */
  readonly connection: () => Client
  readonly logger: Logger
}

/** What a replica answers to LISTEN. */
const IN_RECOVERY = '25006'
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5_000
/** How long a server may take to say goodbye: one that hangs must not hold up close(). */
const GOODBYE_MS = 1_000
/** The longest time that a timer can count. */
const MAX_TIMER = 2 ** 31 - 1

/**
 * Listens on a channel for as long as anybody waits, on a connection of its own. A notification wakes the readers of the slices that it names, or
 * all. A lost notification costs latency, never an event: a reader looks by itself now and then, and all are woken when a lost connection is
 * made anew.
 */
export class Listener {
  readonly #options: ListenerOptions
  readonly #waiters = new Waiters()
  readonly #ending = new Set<Promise<void>>()
  #over: AbortController | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** Begins to listen for a type, or for a `sliceTopic` of it. Whoever calls it must `stop` in the end. */
  watch(topic: string): Watch {
    const watch = this.#waiters.watch(topic)
    this.#over ??= this.#start()
    return {
      ...watch,
      stop: () => {
        watch.stop()
        if (this.#waiters.isEmpty) this.#stop()
      },
    }
  }

  /** Calls back with each notification of a topic, and whenever one may have been missed. */
  follow(topic: string, onWake: () => void): { readonly stop: () => void } {
    const over = new AbortController()
    const { count, changed, stop } = this.watch(topic)
    const follow = async () => {
      while (!over.signal.aborted) {
        await changed(count(), MAX_TIMER, over.signal)
        onWake()
      }
    }
    follow().catch(() => undefined)
    return {
      stop: () => {
        over.abort()
        stop()
      },
    }
  }

  /** Closes the connection, whoever still waits, and resolves once it is closed. */
  async close(): Promise<void> {
    this.#stop()
    await this.ended()
  }

  /** Resolves once every connection is closed for which nobody waits any longer. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending)
  }

  #start(): AbortController {
    const over = new AbortController()
    const ending = this.#keepListening(over.signal).finally(() => this.#ending.delete(ending))
    over.signal.addEventListener('abort', () => this.#ending.add(ending))
    return over
  }

  #stop(): void {
    this.#over?.abort()
    this.#over = undefined
  }

  /** However often it fails to come back, a lost connection is told once for each reason, and once when it is back. */
  async #keepListening(over: AbortSignal): Promise<void> {
    const { logger } = this.#options
    let pauseMs = FIRST_PAUSE_MS
    let told: string | undefined
    while (!over.aborted) {
      try {
        await this.#listen(over, () => {
          if (told !== undefined) logger.info('the LISTEN connection is back')
          told = undefined
          pauseMs = FIRST_PAUSE_MS
        })
      } catch (error) {
        const why = whyLost(error)
        if (why !== told) logger.warn({ error: messageOf(error) }, why)
        told = why
        await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: over }).catch(() => undefined)
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
      }
    }
  }

  async #begin(client: Client, onListening: () => void): Promise<void> {
    await client.connect()
    await client.query(`LISTEN ${escapeIdentifier(this.#options.channel)}`)
    onListening()
    // Whatever was stored while nobody listened.
    this.#waiters.wake()
  }

  /** Resolves when it is over, rejects when the connection is lost. */
  async #listen(over: AbortSignal, onListening: () => void): Promise<void> {
    const client = this.#options.connection()
    client.on('notification', ({ payload }) => this.#waiters.wake(payload ? payload.split(' ') : undefined))
    let onOver = (): void => undefined
    try {
      await new Promise<void>((resolve, reject) => {
        onOver = resolve
        over.addEventListener('abort', onOver)
        client.on('error', reject)
        client.on('end', () => reject(new Error('the server has ended the connection')))
        this.#begin(client, onListening).catch(reject)
      })
    } finally {
      over.removeEventListener('abort', onOver)
      await end(client)
    }
  }
}

function whyLost(error: unknown): string {
  return sqlState(error) === IN_RECOVERY
    ? 'the server is a replica, where nobody can LISTEN: live reads poll until it is promoted'
    : 'the LISTEN connection is lost: live reads poll until it is back'
}

async function end(client: Client): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS)
  await client.end().catch(() => undefined)
  clearTimeout(timer)
}
