import type { Writer } from 'protobufjs/minimal.js'

/** A message of a protobufjs static module, such as `bank.Evt`: what of it is used here. Generate it with `--force-long`. */
export interface ProtobufMessage {
  encode(message: object, writer?: Writer): Writer
  decode(bytes: Uint8Array): object
  toObject(message: object, options?: object): Record<string, unknown>
}

/**
 * A message's fields as plain data: 64-bit integers as `bigint`, the rest as generated, without methods and nulls. A field that has no value has
 * its default; it is absent if it is `optional`, a message, or one of a `oneof`.
 */
export type ProtobufFields<Message extends ProtobufMessage> = Plain<ReturnType<Message['decode']>>

type Plain<Value> = Value extends Long
  ? bigint
  : Value extends Uint8Array | string | number | boolean
    ? Value
    : Value extends readonly (infer Element)[]
      ? readonly Plain<Element>[]
      : { readonly [Key in keyof Value as FieldName<Value, Key>]: Plain<Exclude<Value[Key], null | undefined>> }

interface Long {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}

type FieldName<Value, Key extends keyof Value> = Key extends '$unknowns'
  ? never
  : Value[Key] extends (...args: never) => unknown
    ? never
    : Key

/** What is in the field of a message for an event type (`increased` for `Increased`), if that is a message; else never. */
type ArmOf<Decoded, Name extends string> = Decoded extends { readonly [Key in Name]?: infer Arm }
  ? Plain<Extract<Arm, object>>
  : never

/** Never if a message can hold all events of a union, else what doesn't fit, in words. */
export type ProtobufMismatch<Evt extends { readonly type: string }, Message extends ProtobufMessage> = {
  [Type in Evt['type']]: [ArmOf<ReturnType<Message['decode']>, Uncapitalize<Type>>] extends [never]
    ? `${Type} needs a field ${Uncapitalize<Type>} of a message type`
    : FieldMismatch<
        Type,
        Omit<Extract<Evt, { readonly type: Type }>, 'type'>,
        ArmOf<ReturnType<Message['decode']>, Uncapitalize<Type>>
      >
}[Evt['type']]

type FieldMismatch<Type extends string, Evt, Arm> = {
  [Name in (keyof Evt | keyof Arm) & string]: Name extends keyof Evt
    ? Name extends keyof Arm
      ? Evt[Name] extends Arm[Name] | undefined
        ? never
        : `${Type}.${Name} has another type in the message`
      : `${Type}.${Name} is no field of the message`
    : `${Type}.${Name} is in the message, but not in the event`
}[(keyof Evt | keyof Arm) & string]
