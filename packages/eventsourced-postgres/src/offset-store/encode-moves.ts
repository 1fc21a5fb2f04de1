import type { Failure, Move, ParkedEvt } from 'eventsourced'

/** Encodes moves for `commit_slices(…)`. Whatever may hold any character is JSON within the JSON, which jsonb takes as it is. */
export function encodeMoves(moves: readonly Move[]): string {
  return JSON.stringify(
    moves.map(({ slice, revision, offset, failure, done, park, unpark }) => ({
      slice,
      revision,
      position: offset.position,
      append_id: offset.appendId,
      id: offset.id,
      seq_no: offset.seqNo,
      failure: encodeFailure(failure),
      done: done ?? null,
      park: park.map(encodeParked),
      unpark,
    })),
  )
}

function encodeParked({ evt, failure }: ParkedEvt): object {
  const { key, position, seqNo, appendId, type, version, bytes, time, metadata } = evt
  return {
    position,
    type_name: key.typeName,
    id: key.id,
    seq_no: seqNo,
    append_id: appendId,
    type,
    version,
    bytes: Buffer.from(bytes).toString('base64'),
    time: time.getTime(),
    metadata: JSON.stringify(metadata),
    failure: encodeFailure(failure),
  }
}

function encodeFailure(failure: Failure | undefined): string | null {
  return failure === undefined ? null : JSON.stringify({ ...failure, at: failure.at.getTime() })
}
