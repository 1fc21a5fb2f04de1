import type { Pool } from 'pg'
import type { ConnectionSource } from '../config.js'
import { Listener, type ListenerOptions } from './listener.js'

/** By the pool from whose options their connections are made, and by channel. A listener without anybody who waits has no connection. */
const byPool = new WeakMap<Pool, Map<string, Listener>>()

/**
 * The listener of a channel: one for all stores on a pool, since each listener takes a connection and a process may have many projections; one of its own
 * for a store that has its own connections.
 */
export function sharedListener({ pool }: ConnectionSource, options: ListenerOptions): Listener {
  if (pool === undefined) return new Listener(options)
  const byChannel = byPool.get(pool) ?? new Map<string, Listener>()
  byPool.set(pool, byChannel)
  const listener = byChannel.get(options.channel) ?? new Listener(options)
  byChannel.set(options.channel, listener)
  return listener
}
