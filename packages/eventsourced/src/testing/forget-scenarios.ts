import { MOVE } from './entity-scenario/cmd-of.js'
import { type EntitySubject, runScenario } from './entity-scenario/run-scenario.js'
import { type ProcessName, scenarioOf, type Send, type Setup, type Step } from './entity-scenario/scenario.js'
import { type SuiteCase, suiteCase } from './suite-case.js'

const ALL_ANSWERED: Step = { do: 'await all' }
const OTHERS_RUN: Step = { do: 'let others run', turns: 5 }

function send(at: ProcessName, cmd: Partial<Send> = {}): Step {
  return { do: 'send', count: 1, at, entity: 0, cmd: { ...MOVE, ...cmd } }
}

type Forget = Extract<Step, { readonly do: 'forget' }>

function forget(at: ProcessName, how: Partial<Forget> = {}): Step {
  const plain = { passivating: false, held: 'nothing', before: 0, during: 0, deletion: 'works' } as const
  return { do: 'forget', at, entity: 0, ...plain, ...how }
}

/** Both processes use the entity, and then other ones. */
const USED_ON: readonly Step[] = [
  send('B'),
  send('A'),
  ALL_ANSWERED,
  { do: 'restart', at: 'A' },
  { do: 'restart', at: 'B' },
  send('B', { what: 'look' }),
  send('A', { what: 'look', fresh: true }),
  ALL_ANSWERED,
]

/** The simplest setup is what no numbers choose. */
const { setup: PLAIN } = scenarioOf([])
const SNAPSHOTS: Setup = { ...PLAIN, snapshotEvery: 2 }
const RETENTION: Setup = { ...SNAPSHOTS, deleteEvts: true }

/**
 * What becomes of entities that are forgotten, in the cases that take luck to be met at random: see `entityScenarios` for what is compared. Nothing
 * of what is forgotten comes back, be it by an append, by a snapshot, or from another process's memory.
 *
 * @example
 * test.for(forgetScenarios)('$name', ({ run }) => run(create)) // vitest
 */
export const forgetScenarios: readonly SuiteCase<EntitySubject>[] = [
  forgetCase('an entity that is live in two processes and forgotten by one begins anew in both', PLAIN, [
    send('A', { withCmdId: true }),
    ALL_ANSWERED,
    send('B', { withCmdId: true }),
    ALL_ANSWERED,
    forget('A'),
    { do: 'send again', at: 'B', pick: 0 },
    { do: 'send again', at: 'B', pick: 1 },
    ...USED_ON,
  ]),
  forgetCase('an append that arrives after its entity was forgotten stores nothing', SNAPSHOTS, [
    send('B'),
    ALL_ANSWERED,
    { do: 'fault', at: 'B', kind: 'append uncertain, stored late', times: 1 },
    send('B'),
    OTHERS_RUN,
    forget('A'),
    ...USED_ON,
  ]),
  forgetCase('a snapshot that is saved after its entity was forgotten brings nothing back', RETENTION, [
    { do: 'fault', at: 'B', kind: 'save fails, saved late', times: 1 },
    send('B', { times: 2 }),
    { do: 'let others run', turns: 50 },
    forget('A'),
    // Nothing that would be saved in its place.
    ALL_ANSWERED,
    send('B', { what: 'look', fresh: true }),
    send('A', { what: 'look' }),
  ]),
  ...(['deletion unavailable', 'deletion answered late'] as const).map((deletion) =>
    forgetCase(`forgetting that fails half-way, ${deletion}, is finished by doing it again`, RETENTION, [
      send('A', { times: 3 }),
      ALL_ANSWERED,
      forget('A', { deletion }),
      send('B'),
      ALL_ANSWERED,
      forget('B'),
      ...USED_ON,
    ]),
  ),
  ...(['persist', 'head', 'deleteEvts'] as const).map((held) =>
    forgetCase(`commands that come before and while ${held} takes its time are in one life or the other`, SNAPSHOTS, [
      send('A'),
      send('B'),
      ALL_ANSWERED,
      forget('A', { held, before: 2, during: 2, passivating: true }),
      ...USED_ON,
    ]),
  ),
]

function forgetCase(name: string, setup: Setup, steps: readonly Step[]): SuiteCase<EntitySubject> {
  return suiteCase(name, async (subject) => {
    await runScenario(subject, { setup, steps })
  })
}
