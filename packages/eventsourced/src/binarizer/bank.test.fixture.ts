import { readFile } from 'node:fs/promises'
import type Long from 'long'
import type { Writer } from 'protobufjs/minimal.js'
import { generateModule } from './generate-module.test.fixture.js'

/** What pbjs declares for a message: a class whose `decode` gives the message with its narrowed shape. */
interface Message<Decoded, Properties> {
  new (properties?: Properties): Decoded
  encode(message: Properties, writer?: Writer): Writer
  decode(reader: Uint8Array, length?: number): Decoded
  toObject(message: Decoded, options?: object): Record<string, unknown>
}

interface Methods {
  $unknowns?: Uint8Array[]
  toJSON(): Record<string, unknown>
}
interface OpenedProperties {
  balance?: Long | null
  owner?: string | null
  note?: string | null
  $unknowns?: Uint8Array[]
}
interface MovedProperties {
  amount?: Long | null
  change?: Long | null
  total?: Long | null
  rest?: Long | null
  limit?: Long | null
  count?: number | null
  delta?: number | null
  skew?: number | null
  mask?: number | null
  shift?: number | null
  rate?: number | null
  part?: number | null
  final?: boolean | null
  raw?: Uint8Array | null
  kind?: number | null
  $unknowns?: Uint8Array[]
}
interface ShareProperties {
  amount?: Long | null
  of?: ShareProperties | null
  $unknowns?: Uint8Array[]
}
interface SplitProperties {
  shares?: Long[] | null
  parts?: ShareProperties[] | null
  prices?: { [key: string]: Long } | null
  rest?: ShareProperties | null
  names?: string[] | null
  changes?: Long[] | null
  flags?: boolean[] | null
  clerk?: string | null
  machine?: Long | null
  $unknowns?: Uint8Array[]
}
interface Arms {
  opened: OpenedProperties
  moved: MovedProperties
  split: SplitProperties
  typed: { type?: string | null }
  closed: string
}
interface EvtProperties extends Partial<{ [Name in keyof Arms]: Arms[Name] | null }> {
  evt?: keyof Arms
  $unknowns?: Uint8Array[]
}
type EvtShape =
  | ({ evt?: undefined } & { [Name in keyof Arms]?: null })
  | {
      [Name in keyof Arms]: { evt?: Name } & { [Arm in Name]: Arms[Arm] } & {
        [Other in Exclude<keyof Arms, Name>]?: null
      }
    }[keyof Arms]
interface State extends Methods {
  value: Long
  owner?: string | null
}
export interface Bank {
  readonly Evt: Message<Methods & EvtProperties & EvtShape, EvtProperties>
  readonly State: Message<State, Partial<State>>
}

/** Generates the static module of bank.proto and loads it. */
export async function loadBank(): Promise<Bank> {
  const module = await generateModule(await readFile(new URL('bank.proto', import.meta.url), 'utf8'), 'bank-test')
  if (!isModule(module)) throw new TypeError('the generated module has no namespace bank')
  return module.bank
}

function isModule(module: unknown): module is { readonly bank: Bank } {
  return typeof module === 'object' && module !== null && 'bank' in module
}
