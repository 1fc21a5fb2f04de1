import type Long from 'long'
import type { Writer } from 'protobufjs/minimal.js'
import type { Binarizer } from '../binarizer/binarizer.js'
import { generateModule } from '../binarizer/generate-module.test.fixture.js'
import { jsonBinarizer } from '../binarizer/json-binarizer.js'
import { protobufBinarizer } from '../binarizer/protobuf-binarizer.js'
import { byType } from '../domain/by-type.js'
import type { Command } from '../domain/command.js'
import { persist, reply } from '../domain/effect.js'
import type { EventSourced } from '../domain/event-sourced.js'
import { snapshotEvery } from '../domain/snapshot-every.js'

/*
 * One entity in three generations of its code. The commands stay the same.
 *
 * 1: Opened { owner }, Paid { cents }
 * 2: Opened also has a currency, which was the euro before
 * 3: Opened has several owners instead of one, and Paid has given way to Moved, which says why
 */

interface Open extends Command {
  readonly type: 'Open'
  readonly owner: string
}
interface Pay extends Command {
  readonly type: 'Pay'
  readonly cents: bigint
}
interface Look extends Command<object> {
  readonly type: 'Look'
}
export type Cmd = Open | Pay | Look

interface Opened1 {
  readonly type: 'Opened'
  readonly owner: string
}
interface Paid {
  readonly type: 'Paid'
  readonly cents: bigint
}
export interface Wallet1 {
  readonly owner: string
  readonly cents: bigint
}
export type Evt1 = Opened1 | Paid

export const wallet1: EventSourced<Cmd, Evt1, Wallet1> = {
  typeName: 'wallet',
  initialState: { owner: '', cents: 0n },
  handleCmd: byType({
    Open: (_, { owner }) => persist({ type: 'Opened', owner }),
    Pay: (_, { cents }) => persist({ type: 'Paid', cents }),
    Look: (wallet) => reply(wallet),
  }),
  handleEvt: (wallet, evt) =>
    evt.type === 'Opened' ? { ...wallet, owner: evt.owner } : { ...wallet, cents: wallet.cents + evt.cents },
  snapshot: snapshotEvery(1),
}

interface Opened2 extends Opened1 {
  readonly currency: string
}
export interface Wallet2 extends Wallet1 {
  readonly currency: string
}
export type Evt2 = Opened2 | Paid

export const wallet2: EventSourced<Cmd, Evt2, Wallet2> = {
  typeName: 'wallet',
  initialState: { owner: '', currency: '', cents: 0n },
  handleCmd: byType({
    Open: (_, { owner }) => persist({ type: 'Opened', owner, currency: 'CHF' }),
    Pay: (_, { cents }) => persist({ type: 'Paid', cents }),
    Look: (wallet) => reply(wallet),
  }),
  handleEvt: (wallet, evt) =>
    evt.type === 'Opened'
      ? { ...wallet, owner: evt.owner, currency: evt.currency }
      : { ...wallet, cents: wallet.cents + evt.cents },
  snapshot: snapshotEvery(1),
}

interface Opened3 {
  readonly type: 'Opened'
  readonly owners: readonly string[]
  readonly currency: string
  /** Only older events have it; its field stays in the message, so that they can be read. */
  readonly owner?: never
}
interface Moved {
  readonly type: 'Moved'
  readonly cents: bigint
  readonly reason: string
}
export interface Wallet3 {
  readonly owners: readonly string[]
  readonly currency: string
  readonly cents: bigint
  readonly reasons: readonly string[]
}
export type Evt3 = Opened3 | Moved

export const wallet3: EventSourced<Cmd, Evt3, Wallet3> = {
  typeName: 'wallet',
  initialState: { owners: [], currency: '', cents: 0n, reasons: [] },
  handleCmd: byType({
    Open: ({ owners }, { owner }) => persist({ type: 'Opened', owners: [...owners, owner], currency: 'CHF' }),
    Pay: (_, { cents }) => persist({ type: 'Moved', cents, reason: 'a gift' }),
    Look: (wallet) => reply(wallet),
  }),
  handleEvt: (wallet, evt) =>
    evt.type === 'Opened'
      ? { ...wallet, owners: evt.owners, currency: evt.currency }
      : { ...wallet, cents: wallet.cents + evt.cents, reasons: [...wallet.reasons, evt.reason] },
  snapshot: snapshotEvery(1),
}

const inEuros = (evt: Opened1): Opened2 => ({ ...evt, currency: 'EUR' })
const ownedByOne = ({ type, owner, currency }: Opened2): Opened3 => ({ type, owners: [owner], currency })
const movedFor = ({ cents }: Paid): Moved => ({ type: 'Moved', cents, reason: 'unknown' })

const evts1 = { Opened: [], Paid: [] }
const evts2 = { Opened: [inEuros], Paid: [] }
const evts3 = { Opened: [inEuros, ownedByOne], Moved: [], Paid: [movedFor] }

/** A binarizer for the code of each generation. */
export interface Binarizers {
  readonly first: Binarizer<Evt1, Wallet1>
  readonly second: Binarizer<Evt2, Wallet2>
  readonly third: Binarizer<Evt3, Wallet3>
}

export async function jsonBinarizers(): Promise<Binarizers> {
  return {
    first: jsonBinarizer<Evt1, Wallet1>({ evts: evts1 }),
    second: jsonBinarizer<Evt2, Wallet2>({ evts: evts2, stateVersion: 1 }),
    third: jsonBinarizer<Evt3, Wallet3>({ evts: evts3, stateVersion: 2 }),
  }
}

const PROTO_1 = `
  syntax = "proto3";
  package wallet;
  message Opened { string owner = 1; }
  message Paid { sint64 cents = 1; }
  message Evt { oneof evt { Opened opened = 1; Paid paid = 2; } }
  message State { string owner = 1; sint64 cents = 2; }`

const PROTO_2 = `
  syntax = "proto3";
  package wallet;
  message Opened { string owner = 1; string currency = 2; }
  message Paid { sint64 cents = 1; }
  message Evt { oneof evt { Opened opened = 1; Paid paid = 2; } }
  message State { string owner = 1; sint64 cents = 2; string currency = 3; }`

const PROTO_3 = `
  syntax = "proto3";
  package wallet;
  message Opened { optional string owner = 1; string currency = 2; repeated string owners = 3; }
  message Paid { sint64 cents = 1; }
  message Moved { sint64 cents = 1; string reason = 2; }
  message Evt { oneof evt { Opened opened = 1; Paid paid = 2; Moved moved = 3; } }
  message State { repeated string owners = 1; sint64 cents = 2; string currency = 3; repeated string reasons = 4; }`

/** What pbjs declares for a message, as far as it is used here. */
interface Message<Fields extends object> {
  encode(message: object, writer?: Writer): Writer
  decode(bytes: Uint8Array): Fields
  toObject(message: object, options?: object): Record<string, unknown>
}
interface Module<Evt extends object, State extends object> {
  readonly Evt: Message<Evt>
  readonly State: Message<State>
}
interface PaidMessage {
  cents: Long
}
type Module1 = Module<{ opened?: { owner: string }; paid?: PaidMessage }, { owner: string; cents: Long }>
type Module2 = Module<
  { opened?: { owner: string; currency: string }; paid?: PaidMessage },
  { owner: string; cents: Long; currency: string }
>
type Module3 = Module<
  {
    opened?: { owner?: string; currency: string; owners: string[] }
    paid?: PaidMessage
    moved?: { cents: Long; reason: string }
  },
  { owners: string[]; cents: Long; currency: string; reasons: string[] }
>

async function generate<Generated>(proto: string, root: string): Promise<Generated> {
  const module = await generateModule(proto, root)
  if (!hasNamespace<Generated>(module)) throw new TypeError('the generated module has no namespace wallet')
  return module.wallet
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what it had generated
function hasNamespace<Generated>(module: unknown): module is { readonly wallet: Generated } {
  return typeof module === 'object' && module !== null && 'wallet' in module
}

export async function protobufBinarizers(): Promise<Binarizers> {
  const one = await generate<Module1>(PROTO_1, 'wallet-1')
  const two = await generate<Module2>(PROTO_2, 'wallet-2')
  const three = await generate<Module3>(PROTO_3, 'wallet-3')
  return {
    first: protobufBinarizer<Evt1, Wallet1, Module1['Evt'], Module1['State']>({
      evt: one.Evt,
      evts: evts1,
      state: { message: one.State, toMessage: (wallet) => wallet, fromMessage: (fields) => fields },
    }),
    second: protobufBinarizer<Evt2, Wallet2, Module2['Evt'], Module2['State']>({
      evt: two.Evt,
      evts: evts2,
      state: { message: two.State, toMessage: (wallet) => wallet, fromMessage: (fields) => fields },
      stateVersion: 1,
    }),
    third: protobufBinarizer<Evt3, Wallet3, Module3['Evt'], Module3['State']>({
      evt: three.Evt,
      evts: evts3,
      state: { message: three.State, toMessage: (wallet) => wallet, fromMessage: (fields) => fields },
      stateVersion: 2,
    }),
  }
}
