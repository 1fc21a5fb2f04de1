import { randomUUID } from 'node:crypto'
import { appendIds, type Move, type ParkedEvt, type ProjectionKey, sliceOf, type SliceRecord } from 'eventsourced'
import { startTcpProxy, type TcpProxy } from 'eventsourced-tools'
import { testNats } from 'eventsourced-tools/vitest'
import { nuid } from 'nats'
import { expect, onTestFinished } from 'vitest'
import { NatsOffsetStore, type NatsOffsetStoreConfig } from '../index.js'

export function newConfig(servers = testNats()): { servers: string; bucket: string; setup: boolean } {
  return { servers, bucket: `projections-${nuid.next()}`, setup: true }
}

/** Opens a store that is closed when the test ends. */
export async function openStore(config: NatsOffsetStoreConfig): Promise<NatsOffsetStore> {
  const store = await NatsOffsetStore.create(config)
  onTestFinished(() => store.close())
  return store
}

/** A proxy before the server of the tests. */
export async function newProxy(): Promise<TcpProxy> {
  const { hostname, port } = new URL(testNats())
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  return proxy
}

export function newProjection(): ProjectionKey {
  return { name: `p-${randomUUID()}`, version: 1 }
}

export async function claimed(store: NatsOffsetStore, key: ProjectionKey, slice = 0, epoch = 1): Promise<SliceRecord> {
  const claim = await store.claim(key, slice, epoch)
  if (claim.kind === 'fenced') throw new Error(`slice ${slice} is fenced off`)
  return claim.record
}

/** A move of a record to a position, which changes what is given besides. */
export function moveTo(record: SliceRecord, position: number, over: Partial<Move> = {}): Move {
  const offset = { position, appendId: appendIds()(), id: randomUUID(), seqNo: position }
  const { slice, revision, failure, done } = record
  return { slice, revision, offset, failure, done, park: [], unpark: [], ...over }
}

/** An event of slice 0. */
export function parkedEvt(position: number, bytes: Uint8Array = Buffer.from('bytes')): ParkedEvt {
  return {
    evt: {
      key: { typeName: 'counter', id: ID },
      seqNo: position,
      position,
      appendId: appendIds()(),
      type: 'Increased',
      version: 1,
      bytes,
      time: new Date(),
      metadata: {},
    },
    failure: undefined,
  }
}

/** The positions of what is parked. */
export async function parkedPositions(store: NatsOffsetStore, key: ProjectionKey): Promise<number[]> {
  const positions: number[] = []
  for await (const { evt } of store.parked(key)) positions.push(evt.position)
  return positions
}

export async function expectPosition(store: NatsOffsetStore, key: ProjectionKey, position: number): Promise<void> {
  expect((await store.slices(key, [0])).map(({ offset }) => offset.position)).toEqual([position])
}

export const ID = idOfSlice(0)

export function idOfSlice(slice: number): string {
  for (;;) {
    const id = randomUUID()
    if (sliceOf(id) === slice) return id
  }
}
