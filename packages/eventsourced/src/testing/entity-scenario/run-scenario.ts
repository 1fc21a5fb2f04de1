import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { messageOf } from '../../errors.js'
import type { EvtLog } from '../../log/evt-log.js'
import type { SnapshotStore } from '../../snapshot/snapshot-store.js'
import { type Attempt, describeAttempt } from './attempt.js'
import { checkAnswer } from './check-answers.js'
import { checkOrder, checkStoredOnce, pastOf } from './check-history.js'
import { describeEntry, type Entry, historyOf, ledgerAt } from './history.js'
import type { Scenario, Setup } from './scenario.js'
import { Archive, WatchedEvtLog } from './watched-evt-log.js'
import { World } from './world.js'

/** A backend to run entities on. */
export interface EntitySubject {
  /** Opens a log and a snapshot store, as each process does for itself, over the same data. It is called twice. */
  open(): Promise<{ readonly evtLog: EvtLog; readonly snapshotStore: SnapshotStore }>
  /** Closes all that was opened, and lets go of everything that was needed for it. */
  close(): Promise<void>
}

/**
 * Lets a scenario happen, and compares what callers heard and what the log holds in the end with a plain model.
 *
 * @param options `patienceMs`: how long callers wait for an answer until they complain
 * @returns all commands that were sent, with their answers
 * @throws {AssertionError} with all that happened, if they differ
 */
export async function runScenario(
  subject: Pick<EntitySubject, 'open'>,
  scenario: Scenario,
  { patienceMs = 12_000 }: { readonly patienceMs?: number } = {},
): Promise<readonly Attempt[]> {
  const archive = new Archive()
  const open = async () => {
    const { evtLog, snapshotStore } = await subject.open()
    return { evtLog: new WatchedEvtLog(evtLog, archive), snapshotStore }
  }
  const opened = { A: await open(), B: await open() }
  const world = new World(scenario.setup, archive, opened, patienceMs)
  const histories: (readonly Entry[])[] = []
  try {
    for (const step of scenario.steps) {
      const taken = world.take(step)
      if (taken !== undefined) await taken
    }
    await world.end()
    for (const entity of world.keys.keys()) {
      const evts = await archive.history(opened.A.evtLog, world.key(entity))
      histories.push(historyOf(evts))
    }
    for (const [entity, entries] of histories.entries()) await checkEntity(world, entity, entries, scenario.setup)
    return world.callers.attempts
  } catch (error) {
    world.mend()
    throw new assert.AssertionError({ message: `${messageOf(error)}\n\n${report(scenario, world, histories)}` })
  }
}

async function checkEntity(world: World, entity: number, entries: readonly Entry[], setup: Setup): Promise<void> {
  const attempts = world.callers.attempts.filter((attempt) => attempt.entity === entity)
  const forSureAt = world.forgottenAt(entity)
  const forgets = { attempts: world.forgetsOf(entity), forSureAt: forSureAt === 0 ? [] : [forSureAt] }
  const past = pastOf(entries, attempts, forgets)
  for (const attempt of attempts) {
    try {
      checkAnswer(past, attempt, setup)
    } catch (error) {
      throw new assert.AssertionError({ message: `#${attempt.number}: ${messageOf(error)}` })
    }
  }
  checkStoredOnce(entries, setup.cmdWindow)
  checkOrder(past, attempts)
  for (const withSnapshots of setup.deleteEvts ? [true] : [true, false]) {
    const answer = await world.recovered(entity, withSnapshots)
    assert.ok(answer.kind === 'accepted', `entity ${entity} can't be recovered: ${inspect(answer)}`)
    assert.equal(answer.seqNo, entries.length, 'a recovered entity is not at its last event')
    const expected = ledgerAt(entries, entries.length)
    assert.deepEqual(answer.reply, expected, 'a recovered entity has another state than its events lead to')
  }
  assert.deepEqual(await world.remainsOf(entity), [], 'of what was forgotten something is still there')
}

function report(
  { seed, setup, steps }: Scenario,
  { callers }: World,
  histories: readonly (readonly Entry[])[],
): string {
  return [
    `seed: ${seed ?? 'none'}`,
    `setup: ${inspect(setup, { breakLength: Infinity })}`,
    'steps:',
    ...steps.map((step) => `  ${inspect(step, { breakLength: Infinity })}`),
    'what callers sent and heard:',
    ...callers.attempts.map((attempt) => `  ${describeAttempt(attempt)}`),
    ...histories.flatMap((entries, entity) => [
      `entity ${entity}:`,
      ...entries.map((one) => `  ${describeEntry(one)}`),
    ]),
  ].join('\n')
}
