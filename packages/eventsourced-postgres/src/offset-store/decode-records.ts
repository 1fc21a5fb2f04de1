import type { Failure, Metadata, ParkedEvt, SliceRecord } from 'eventsourced'
import type { Row } from '../database/statement.js'

/** Decodes a slice's record. */
export function decodeRecord(row: Row): SliceRecord {
  const [slice, epoch, revision, position, appendId, id, seqNo, failure, done] = row
  return {
    slice: Number(slice),
    epoch: Number(epoch),
    revision: Number(revision),
    offset: { position: Number(position), appendId: appendId ?? '', id: id ?? '', seqNo: Number(seqNo) },
    failure: decodeFailure(failure),
    done: done ?? undefined,
  }
}

/** Decodes a parked event. */
export function decodeParked(row: Row): ParkedEvt {
  const [position, typeName, id, seqNo, appendId, type, version, bytes, time, metadata, failure] = row
  return {
    evt: {
      key: { typeName: typeName ?? '', id: id ?? '' },
      seqNo: Number(seqNo),
      position: Number(position),
      appendId: appendId ?? '',
      type: type ?? '',
      version: Number(version),
      bytes: Buffer.from(bytes ?? '', 'hex'),
      time: new Date(Number(time)),
      metadata: decodeMetadata(metadata ?? '{}'),
    },
    failure: decodeFailure(failure),
  }
}

function decodeMetadata(json: string): Metadata {
  const metadata: unknown = JSON.parse(json)
  if (!isMetadata(metadata)) throw new TypeError(`the metadata of a parked event is not text by text: ${json}`)
  return metadata
}

function isMetadata(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string')
}

function decodeFailure(json: string | null | undefined): Failure | undefined {
  if (json == null) return undefined
  const failure: unknown = JSON.parse(json)
  if (!isFailure(failure)) throw new TypeError(`not a failure: ${json}`)
  return { ...failure, at: new Date(failure.at) }
}

function isFailure(value: unknown): value is Omit<Failure, 'at'> & { readonly at: number } {
  return typeof value === 'object' && value !== null && 'code' in value && 'at' in value && typeof value.at === 'number'
}
