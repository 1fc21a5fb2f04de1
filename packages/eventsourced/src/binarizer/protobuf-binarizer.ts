import { EventSourcedError, InvalidInputError, show } from '../errors.js'
import { asStored } from './as-stored.js'
import type { Binarizer } from './binarizer.js'
import { checkStateVersion, type EvtUpcasters, evtVersions, typeOf } from './evt-versions.js'
import { fromJsonBytes, toJsonBytes } from './json-bytes.js'
import { type ExactCodec, exactCodec } from './exact-codec.js'
import { isPlainObject, type PlainObject } from './plain-object.js'
import { type MessageCodec, messageCodec } from './protobuf-message.js'
import type { ProtobufFields, ProtobufMessage, ProtobufMismatch } from './protobuf-types.js'

/** How a {@link protobufBinarizer} works. */
export interface ProtobufBinarizerOptions<
  Evt extends { readonly type: string },
  State,
  EvtMessage extends ProtobufMessage,
  StateMessage extends ProtobufMessage,
> {
  /**
   * The message of all events. It has a field for each type, by its name with a small first letter (`Increased` ↔ `increased`), usually in a
   * `oneof`; that field's message has the event's properties. The compiler compares names and types: what doesn't fit, it calls a missing property.
   */
  readonly evt: EvtMessage & { readonly [Words in ProtobufMismatch<Evt, EvtMessage>]: never }
  /** The known event types with their upcasters. An upcaster is given the stored event as today's messages read it. */
  readonly evts: EvtUpcasters<Evt>
  /** The message of the state, and the way from the one to the other. */
  readonly state: {
    readonly message: StateMessage
    readonly toMessage: (state: State) => ProtobufFields<StateMessage>
    readonly fromMessage: (fields: ProtobufFields<StateMessage>) => State
  }
  /** The version of the state's schema, 0 by default. Raise it when the state changes: older snapshots are then passed over. */
  readonly stateVersion?: number
}

/**
 * Binarizes by the messages of a protobufjs static module, generated with `--force-long`. 64-bit integers are `bigint`, and exact. A number out of
 * its field's range, a value of another type, a property that the message has no field for and a missing one fail with
 * `BINARIZER_FAILED` and the path, so that nothing of the event is stored. Fields unknown to this code are passed over when read, as protobuf has it.
 *
 * Replies are binarized as JSON, as by {@link jsonBinarizer}.
 *
 * @throws {InvalidInputError} if the message of the events has no field for one of the types
 * @example
 * const binarizer: Binarizer<Evt, bigint> = protobufBinarizer({
 *   evt: bank.Evt,
 *   evts: { Increased: [], Decreased: [] },
 *   state: { message: bank.State, toMessage: (value) => ({ value }), fromMessage: ({ value }) => value },
 * })
 */
export function protobufBinarizer<
  Evt extends { readonly type: string },
  State,
  EvtMessage extends ProtobufMessage,
  StateMessage extends ProtobufMessage,
>(options: ProtobufBinarizerOptions<Evt, State, EvtMessage, StateMessage>): Binarizer<Evt, State> {
  const { state, stateVersion = 0 } = options
  checkStateVersion(stateVersion)
  const versions = evtVersions(options.evts, typeOf)
  const evtCodec = evtCodecs(messageCodec(options.evt), Object.keys(options.evts))
  const states = exactCodec(messageCodec(state.message), 'state')
  return {
    encodeEvt(evt) {
      const version = versions.today(evt.type)
      return { type: evt.type, version, bytes: evtCodec(evt.type).encode(evt) }
    },
    decodeEvt({ type, version, bytes }) {
      versions.check(type, version)
      return asStored<Evt>(versions.upcast(type, version, evtCodec(type).decode(bytes)))
    },
    stateVersion,
    encodeState: (value) => states.encode(state.toMessage(value)),
    decodeState: (bytes) => state.fromMessage(asStored<ProtobufFields<StateMessage>>(states.decode(bytes))),
    encodeReply: (reply) => toJsonBytes(reply, 'reply'),
    decodeReply: (bytes) => fromJsonBytes(bytes, 'reply'),
  }
}

/** A codec for each type: an event is what its type's field of the message holds, and its type. */
function evtCodecs(message: MessageCodec, types: readonly string[]): (type: string) => ExactCodec {
  const codecs = new Map<string, ExactCodec>()
  for (const type of types) {
    checkField(message, type)
    codecs.set(type, exactCodec(evtCodec(message, type), 'evt'))
  }
  return (type) => {
    const codec = codecs.get(type)
    if (codec === undefined)
      throw new EventSourcedError('BINARIZER_FAILED', `no codec for the event type ${show(type)}`)
    return codec
  }
}

function evtCodec(message: MessageCodec, type: string): MessageCodec {
  const name = fieldOf(type)
  // One for all events: making an object with a computed name costs as much as encoding it.
  const holder: PlainObject = { [name]: undefined }
  return {
    encode(evt) {
      holder[name] = evt
      const bytes = message.encode(holder)
      holder[name] = undefined
      return bytes
    },
    decode(bytes) {
      const evts = message.decode(bytes)
      const fields = evts[name]
      if (isPlainObject(fields)) {
        // Not in another object with all of them: events wait by the thousand, and V8 comes to make literals that do in the old generation.
        fields.type = type
        return fields
      }
      throw new TypeError(
        `the message has no ${name}, but ${Object.keys(evts).join(', ') || 'nothing that this code knows'}`,
      )
    },
  }
}

/** `increased` for `Increased`. */
function fieldOf(type: string): string {
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}`
}

function checkField(message: MessageCodec, type: string): void {
  const name = fieldOf(type)
  const fields = emptyFields(message, name)
  if (!isPlainObject(fields)) {
    throw new InvalidInputError(
      'evts',
      type,
      `a type for which the message has a field ${name} that is a message itself`,
    )
  }
  if ('type' in fields) {
    throw new InvalidInputError(
      'evts',
      type,
      'a type whose message has no field `type`, by which events are told apart',
    )
  }
}

function emptyFields(message: MessageCodec, name: string): unknown {
  try {
    return message.decode(message.encode({ [name]: {} }))[name]
  } catch {
    return undefined
  }
}
