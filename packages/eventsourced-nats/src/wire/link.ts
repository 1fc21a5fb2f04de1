import { Events, type NatsConnection, type Status } from 'nats'
import type { Logger } from 'pino'

/** Whether the connection is there. */
export interface Link {
  isUp(): boolean
  whenUp(timeoutMs: number, signal?: AbortSignal): Promise<boolean>
  /** Stops watching. */
  close(): void
}

export interface LinkEvents {
  /** The connection was lost, and with it all that was on its way. */
  readonly onLost: (why: string) => void
  /** It is there again. */
  readonly onBack?: () => void
  /** The server has dropped what was published to a subject, for want of permission. */
  readonly onForbidden?: (subject: string) => void
}

/** Watches a connection that the package makes anew when it is lost. */
export function watchLink(connection: NatsConnection, logger: Logger | undefined, events: LinkEvents): Link {
  const waiting = new Set<() => void>()
  let isUp = !connection.isClosed()
  const wakeAll = () => {
    for (const wake of waiting) wake()
  }

  const onStatus = ({ type, data, permissionContext }: Status) => {
    if (type === Events.Disconnect) {
      isUp = false
      logger?.warn({ server: data }, 'the connection to NATS is lost')
      events.onLost('the connection to NATS was lost')
    } else if (type === Events.Reconnect) {
      isUp = true
      logger?.info({ server: data }, 'the connection to NATS is there again')
      events.onBack?.()
      wakeAll()
    } else if (permissionContext?.operation === 'publish') {
      events.onForbidden?.(permissionContext.subject)
    }
  }

  const statuses = connection.status()
  const watch = async () => {
    for await (const status of statuses) onStatus(status)
  }
  // Which is the one thing that the statuses don't tell.
  const watchForEnd = async () => {
    await connection.closed()
    isUp = false
    events.onLost('the connection to NATS is closed')
    wakeAll()
  }
  void watch()
  void watchForEnd()

  return {
    isUp: () => isUp && !connection.isClosed(),
    whenUp: async (timeoutMs, signal) => {
      if (isUp || connection.isClosed() || timeoutMs <= 0 || signal?.aborted === true) return isUp
      await new Promise<void>((resolve) => {
        const done = () => {
          waiting.delete(done)
          clearTimeout(timeout)
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const timeout = Number.isFinite(timeoutMs) ? setTimeout(done, timeoutMs) : undefined
        waiting.add(done)
        signal?.addEventListener('abort', done)
      })
      return isUp
    },
    close: () => {
      if (isStoppable(statuses)) statuses.stop()
    },
  }
}

/** A generator that waits can't be returned from; the package's queue behind it has a `stop` that its types keep to themselves. */
function isStoppable(value: object): value is { stop(): void } {
  return 'stop' in value && typeof value.stop === 'function'
}
