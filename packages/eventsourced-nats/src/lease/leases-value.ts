import { SLICE_COUNT } from 'eventsourced'
import { isJson, parseJson } from '../wire/json.js'

/** A slice as its group's key has it: under which epoch, and who took it, be he alive or not. */
export interface Held {
  readonly epoch: number
  readonly owner: string | undefined
}

/** The version of the contract with others who read the bucket. */
const FORMAT_VERSION = 1
const FREE: Held = { epoch: 0, owner: undefined }

/** The value of a group's key: for each slice its epoch, and its owner if it was not released. */
export function encodeLeases(leases: readonly Held[]): Uint8Array {
  const value = leases.map(({ epoch, owner }) => (owner === undefined ? [epoch] : [epoch, owner]))
  return Buffer.from(JSON.stringify({ format: FORMAT_VERSION, leases: value }))
}

/** What a group's key says, of all slices; undefined if it is not one of ours. */
export function decodeLeases(data: Uint8Array): readonly Held[] | undefined {
  const { format, leases } = parseJson(Buffer.from(data).toString())
  if (format !== FORMAT_VERSION || !Array.isArray(leases)) return undefined
  return Array.from({ length: SLICE_COUNT }, (_, slice) => heldOf(leases[slice]))
}

/** Of a group that has no key yet. */
export function neverHeld(): readonly Held[] {
  return Array.from({ length: SLICE_COUNT }, () => FREE)
}

function heldOf(value: unknown): Held {
  if (!isJson(value)) return FREE
  const { 0: epoch, 1: owner } = value
  return {
    epoch: typeof epoch === 'number' ? epoch : 0,
    owner: typeof owner === 'string' ? owner : undefined,
  }
}
