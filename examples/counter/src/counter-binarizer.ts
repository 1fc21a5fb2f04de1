import { type Binarizer, protobufBinarizer } from 'eventsourced'
import { counter as proto } from '#proto/counter'
import type { Evt } from './counter.js'

/** A counter's events and snapshots as the messages of `proto/counter.proto`. */
export const counterBinarizer: Binarizer<Evt, bigint> = protobufBinarizer({
  evt: proto.Evt,
  evts: { Increased: [], Decreased: [] },
  state: { message: proto.State, toMessage: (value) => ({ value }), fromMessage: ({ value }) => value },
})
