import type { NatsConnection } from 'nats'
import { expect } from 'vitest'

/** An event as the read model has it. */
export interface Applied {
  readonly id: string
  readonly seqNo: number
  readonly owner: string
}

/** All that was applied, in the order in which the server took it. */
export async function readApplied(connection: NatsConnection, stream: string): Promise<readonly Applied[]> {
  const { state } = await (await connection.jetstreamManager()).streams.info(stream)
  const consumer = await connection.jetstream().consumers.get(stream)
  const applied: Applied[] = []
  const msgs = await consumer.fetch({ max_messages: state.messages, expires: 10_000 })
  for await (const msg of msgs) {
    applied.push(msg.json<Applied>())
    if (applied.length === state.messages) break
  }
  return applied
}

/**
 * That each event of each entity was applied, each for the first time in its place. Events that were in flight when something happened may have come again.
 *
 * @param heads the last seqNo of each entity
 * @returns how many came again
 */
export function expectAtLeastOnce(applied: readonly Applied[], heads: ReadonlyMap<string, number>): number {
  const byId = new Map<string, Set<number>>([...heads.keys()].map((id) => [id, new Set()]))
  for (const { id, seqNo } of applied) byId.get(id)?.add(seqNo)
  let count = 0
  for (const [id, seqNos] of byId) {
    const all = Array.from({ length: heads.get(id) ?? 0 }, (_, index) => index + 1)
    expect([...seqNos], `the events of ${id}, each as it was applied first`).toEqual(all)
    count += all.length
  }
  return applied.length - count
}
