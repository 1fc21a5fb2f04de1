import assert from 'node:assert/strict'
import type { Counts, InstanceAwareCounter } from '../../counters/instance-aware-counter.js'
import { UncertainError } from '../../errors.js'
import type { Choices } from '../entity-scenario/choices.js'
import { DEAD_MS, type FaultyCounter, FORGOTTEN_MS, type InstanceAwareCounterSubject, stageOf } from './fixture.js'
import { CounterModel } from './model.js'

const OPERATIONS = [
  'inc',
  'dec',
  'get',
  'set',
  'setOnInstance',
  'del',
  'delOnInstance',
  'clear',
  'clearOnInstance',
  'heartbeat',
  'reopen',
  'pass',
] as const
const KEYS = ['one', 'two']
const INSTANCES = ['x', 'y', 'z']
/** Of no sum that comes to a threshold: at the very millisecond either is right. */
const PASSING_MS = [1_009, DEAD_MS / 2 + 7, DEAD_MS + 1_013, FORGOTTEN_MS + DEAD_MS + 1_019]

/** One step of a scenario. */
export interface CounterStep {
  readonly operation: (typeof OPERATIONS)[number]
  readonly instance: string
  readonly key: string
  readonly count: bigint
  readonly ms: number
  /** Whether the answer is lost, so that the operation is sent twice. */
  readonly isLost: boolean
}

/** Chooses a step. Incrementing is met most often; 0 chooses the simplest of everything. */
export function counterStep(choices: Choices): CounterStep {
  const [inc, ...others] = OPERATIONS
  const [one = 'one', ...keys] = KEYS
  const [x = 'x', ...instances] = INSTANCES
  const [ms = 0, ...longer] = PASSING_MS
  return {
    operation: choices.oneIn(3) ? inc : choices.oneOf(inc, ...others),
    instance: choices.oneOf(x, ...instances),
    key: choices.oneOf(one, ...keys),
    count: BigInt(choices.below(40) - 20),
    ms: choices.oneOf(ms, ...longer),
    isLost: choices.oneIn(5),
  }
}

/** Takes the steps on real counters and on the model, and compares each answer. */
export async function runCounterScenario(
  subject: InstanceAwareCounterSubject,
  steps: readonly CounterStep[],
): Promise<void> {
  const opened: InstanceAwareCounter[] = []
  const stage = stageOf(subject, opened)
  const model = new CounterModel()
  const counters = new Map<string, FaultyCounter>()
  try {
    for (const instance of INSTANCES) {
      counters.set(instance, await stage.faulty({ instanceId: instance }))
      model.beat(instance)
    }
    for (const [index, step] of steps.entries()) {
      const expected = onModel(model, step)
      const actual = await onCounter(step, counters, async () => {
        stage.pass(step.operation === 'pass' ? step.ms : 0)
        if (step.operation === 'reopen') {
          await counters.get(step.instance)?.counter.close()
          counters.set(step.instance, await stage.faulty({ instanceId: step.instance }))
        }
      })
      assert.deepEqual(actual, expected, `step ${index}: ${told(steps.slice(0, index + 1))}`)
    }
  } finally {
    await Promise.allSettled(opened.map((one) => one.close()))
  }
}

function onModel(model: CounterModel, { operation, instance, key, count, ms }: CounterStep): Counts | undefined {
  if (operation === 'pass') {
    model.now += ms
    return undefined
  }
  model.beat(instance)
  switch (operation) {
    case 'get':
    case 'del':
    case 'delOnInstance':
      return model[operation](instance, key)
    case 'dec':
      return model.inc(instance, key, -count)
    case 'inc':
    case 'set':
    case 'setOnInstance':
      return model[operation](instance, key, count)
    case 'clear':
    case 'clearOnInstance':
      model[operation](instance)
      return undefined
    case 'heartbeat':
    case 'reopen':
      return undefined
  }
}

async function onCounter(
  { operation, instance, key, count, isLost }: CounterStep,
  counters: ReadonlyMap<string, FaultyCounter>,
  otherwise: () => Promise<void>,
): Promise<Counts | undefined> {
  const { counter, faults } = counters.get(instance) ?? assert.fail(`no counter of ${instance}`)
  faults.clear()
  if (isLost) {
    const lost = { when: 'after', error: new UncertainError('the answer is lost') } as const
    for (const one of ['change', 'get', 'clear', 'clearOnInstance', 'heartbeat'] as const) faults.fail(one, lost)
  }
  switch (operation) {
    case 'get':
    case 'del':
    case 'delOnInstance':
      return counter[operation](key)
    case 'inc':
    case 'dec':
    case 'set':
    case 'setOnInstance':
      return counter[operation](key, count)
    case 'clear':
    case 'clearOnInstance':
    case 'heartbeat':
      await counter[operation]()
      return undefined
    case 'reopen':
    case 'pass':
      await otherwise()
      return undefined
  }
}

function told(steps: readonly CounterStep[]): string {
  return steps
    .map(({ operation, instance, key, count, ms, isLost }) =>
      operation === 'pass' ? `pass ${ms}` : `${instance}.${operation} ${key} ${count}${isLost ? ' (lost)' : ''}`,
    )
    .join('; ')
}
