import { Choices, listedNumbers, seededNumbers } from './choices.js'

/** What all entities of a scenario run with. */
export interface Setup {
  /** 0 for never. */
  readonly snapshotEvery: number
  readonly keep: number
  readonly deleteEvts: boolean
  readonly maxLive: number
  readonly maxRecoveries: number
  readonly idleTimeout: number
  readonly cmdWindow: number
  readonly mailboxSize: number
  readonly mailboxFull: 'wait' | 'fail'
  readonly unavailableTimeout: number
  readonly conflictAttempts: number
  readonly waiting: 'keep' | 'fail'
}

/** Two processes share the entities, of which there are three. */
export type ProcessName = 'A' | 'B'
export const ENTITY_COUNT = 3

/** What a command does that a scenario sends. */
export type What = 'move' | 'look' | 'failing cmd' | 'failing evt' | 'failing reply' | 'failing encoding'

/** A command, and what its caller asks besides. */
export interface Send {
  readonly what: What
  readonly by: number
  readonly times: number
  readonly withCmdId: boolean
  readonly fresh: boolean
  /** The expected seqNo: as far from the last one acknowledged; none if undefined. */
  readonly expected: number | undefined
  readonly patience: 'endless' | 'signal' | 'deadline'
}

/** What may go wrong with the next calls of a process to its log or store. */
export const FAULTS = [
  'append unavailable',
  'append uncertain, not stored',
  'append uncertain, stored',
  'append uncertain, stored late',
  'append fails oddly, stored',
  'append refused',
  'append held',
  'append stored in part',
  'append stored in part, the rest refused',
  'append stored in part, the rest uncertain',
  'another writer first',
  'head unavailable',
  'head held',
  'replay unavailable',
  'replay held',
  'save fails',
  'save held',
  'save fails, saved late',
  'load fails',
  'load held',
  'deletion unavailable',
  'deletion answered late',
] as const

export type FaultKind = (typeof FAULTS)[number]

export type Step =
  /** So many commands of the kind, at once. */
  | {
      readonly do: 'send'
      readonly count: number
      readonly at: ProcessName
      readonly entity: number
      readonly cmd: Send
    }
  /** The same command again that was sent with a cmdId before, also by another process. */
  | { readonly do: 'send again'; readonly at: ProcessName; readonly pick: number }
  | { readonly do: 'abort'; readonly pick: number }
  | { readonly do: 'fault'; readonly at: ProcessName; readonly kind: FaultKind; readonly times: number }
  | { readonly do: 'let others run'; readonly turns: number }
  | { readonly do: 'await the oldest' }
  | { readonly do: 'await all' }
  | { readonly do: 'passivate'; readonly at: ProcessName; readonly entity: number }
  /** Stops all entities of a process; new ones take its commands at once. */
  | { readonly do: 'restart'; readonly at: ProcessName }
  /** The entities go on with what they have, as a process does that is taken for dead; new ones take its commands. */
  | { readonly do: 'abandon'; readonly at: ProcessName }
  | {
      readonly do: 'forget'
      readonly at: ProcessName
      readonly entity: number
      /** Whether the entity is on its way out already. */
      readonly passivating: boolean
      /** What is held back until all commands are there. */
      readonly held: 'nothing' | 'persist' | 'head' | 'deleteEvts'
      /** How many commands come just before, and meanwhile. */
      readonly before: number
      readonly during: number
      /** How the deletion of the events goes. */
      readonly deletion: 'works' | 'deletion unavailable' | 'deletion answered late'
    }

/** What happens to the entities of two processes, as data: the same scenario can be run on any log and store. */
export interface Scenario {
  /** The seed that it came of, if it came of one. */
  readonly seed?: number
  readonly setup: Setup
  readonly steps: readonly Step[]
}

/** The scenario of a seed: the same one each time. */
export function seededScenario(seed: number, stepCount: number): Scenario {
  const choices = new Choices(seededNumbers(seed))
  return { seed, setup: chooseSetup(choices), steps: Array.from({ length: stepCount }, () => chooseStep(choices)) }
}

/** The scenario that rows of random numbers choose, the first one its setup and each other one a step. The smaller, the simpler. */
export function scenarioOf([setup = [], ...steps]: readonly (readonly number[])[]): Scenario {
  return {
    setup: chooseSetup(new Choices(listedNumbers(setup))),
    steps: steps.map((row) => chooseStep(new Choices(listedNumbers(row)))),
  }
}

function chooseSetup(choices: Choices): Setup {
  return {
    snapshotEvery: choices.oneOf(0, 2, 3, 5),
    keep: choices.oneOf(1, 2),
    deleteEvts: choices.oneOf(false, false, true),
    maxLive: choices.oneOf(ENTITY_COUNT, 1, 2),
    maxRecoveries: choices.oneOf(ENTITY_COUNT, 1),
    idleTimeout: choices.oneOf(Infinity, Infinity, 2),
    cmdWindow: choices.oneOf(100, 100, 3, 1),
    mailboxSize: choices.oneOf(1_024, 1_024, 2),
    mailboxFull: choices.oneOf('wait', 'fail'),
    unavailableTimeout: choices.oneOf(10_000, 10_000, 0),
    conflictAttempts: choices.oneOf(20, 1),
    waiting: choices.oneOf('keep', 'fail'),
  }
}

function chooseStep(choices: Choices): Step {
  const kind = choices.below(24)
  const at = choices.oneOf('A', 'B')
  const entity = choices.oneOf(0, 0, 1, 2)
  if (kind < 9) return { do: 'send', count: choices.oneOf(1, 1, 2, 5), at, entity, cmd: chooseSend(choices) }
  if (kind < 11) return { do: 'send again', at, pick: choices.below(100) }
  if (kind < 14) return { do: 'let others run', turns: choices.oneOf(1, 2, 5) }
  if (kind < 18) return { do: 'fault', at, kind: chooseFault(choices), times: choices.oneOf(1, 1, 2, 4) }
  switch (kind) {
    case 18:
      return { do: 'await the oldest' }
    case 19:
      return { do: 'abort', pick: choices.below(100) }
    case 20:
      return { do: 'passivate', at, entity }
    case 21:
      return { do: choices.oneOf('restart', 'abandon'), at }
    case 22:
      return {
        do: 'forget',
        at,
        entity,
        passivating: choices.oneOf(false, true),
        held: choices.oneOf('nothing', 'persist', 'head', 'deleteEvts'),
        before: choices.below(3),
        during: choices.below(3),
        deletion: choices.oneOf('works', 'works', 'deletion unavailable', 'deletion answered late'),
      }
    default:
      return { do: 'await all' }
  }
}

function chooseSend(choices: Choices): Send {
  return {
    what: choices.oneOf(
      ...(['move', 'move', 'move', 'move', 'move', 'move', 'move', 'look', 'look', 'look'] as const),
      ...(['failing cmd', 'failing evt', 'failing reply', 'failing encoding'] as const),
    ),
    by: choices.oneOf(1, 2, 3, 9, -1, -2, -5),
    times: choices.oneOf(1, 1, 2, 3),
    withCmdId: choices.oneOf(false, true),
    fresh: choices.oneOf(false, true),
    expected: choices.oneOf(undefined, undefined, undefined, 0, 0, 1, -1),
    patience: choices.oneOf('endless', 'endless', 'endless', 'signal', 'deadline'),
  }
}

function chooseFault(choices: Choices): FaultKind {
  return choices.oneOf<FaultKind>(...FAULTS)
}
